/** What a run says about its MLflow while it goes on. */
export type TrackingEvent =
  /** MLflow does not take anything; from now on all is kept on disk. */
  | { readonly type: 'tracking-away'; readonly code: string; readonly message: string }
  /** It is there again, and has all that was kept. */
  | { readonly type: 'tracking-caught-up'; readonly entries: number; readonly awayMs: number }
  /** The run ends before MLflow is back: `hilum track-sync --spool DIR` sends the rest. */
  | { readonly type: 'tracking-left'; readonly spool: string; readonly entries: number }
  /** This MLflow lacks a part, and what is done instead. */
  | { readonly type: 'tracking-note'; readonly note: string };
