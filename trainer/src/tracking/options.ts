/** What is asked of the tracking of a run. */
import type { Gates, Verdict } from '../evaluation/judge.ts';
import type { Figures } from '../evaluation.ts';
import type { SessionOptions } from './session.ts';

export interface TrackingOptions extends SessionOptions {
  readonly experiment: string;
  readonly runName: string;
  /** A run with the same uid is the same run: a retry goes on with it instead of making another. */
  readonly trainingRun?: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly tags?: Readonly<Record<string, string>>;
}

export interface Registration {
  readonly model: string;
  /** Moved to the new version past the gate; without one no alias is touched. */
  readonly alias?: string;
  readonly gate?: Gates;
}

/** What an earlier try of the same run had finished when it ended. */
export interface Uploaded {
  readonly digest: string;
  readonly figures: Omit<Figures, 'samples'>;
  readonly verdict: Verdict;
}

export interface Trial {
  /** Its number in the search: a trial of the same number is the same trial, also in a retry of the search. */
  readonly index: number;
  readonly name: string;
  readonly params: Readonly<Record<string, string>>;
}
