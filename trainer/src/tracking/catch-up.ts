/** Brings MLflow up to date with what a run left on disk, after the run. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { MlflowClient } from '@hilum/mlflow';
import { TrainerError } from '../errors.ts';
import type { TrackingEvent } from './event.ts';
import { Sender } from './sender.ts';
import { Spool } from './spool.ts';
import { Teller } from './teller.ts';

export interface CatchUpOptions {
  readonly now: () => number;
  readonly signal?: AbortSignal;
  /** How long an MLflow that does not answer is waited for; default 2 min. */
  readonly withinMs?: number;
  readonly onEvent?: (event: TrackingEvent) => void;
}

export interface CaughtUp {
  readonly entries: number;
  /** What MLflow will never take, in words; it stays in the file `refused` of the folder. */
  readonly refused: readonly string[];
}

const DEFAULT_WITHIN_MS = 120_000;

/**
 * Sends all that the folder keeps, in order; safe to repeat, also after a kill. The folder is gone when all was taken.
 *
 * @throws TrainerError BAD_CONFIG where there is no spool, or a run still works on it; TRACKING_UNREACHABLE,
 *   TRACKING_REFUSED (a wrong password, for one) where MLflow does not take it in time: what is left stays
 */
export async function catchUp(dir: string, mlflow: MlflowClient, options: CatchUpOptions): Promise<CaughtUp> {
  if (!existsSync(join(dir, 'journal')))
    throw new TrainerError('BAD_CONFIG', `${resolve(dir)} holds no spool`);
  const { now, signal, onEvent, withinMs = DEFAULT_WITHIN_MS } = options;
  const spool = await Spool.open({ dir }, { now, signal });
  const refused: string[] = [];
  const before = spool.waiting.length;
  const sender = new Sender({
    spool,
    teller: new Teller(mlflow, spool, (note) => onEvent?.({ type: 'tracking-note', note })),
    now,
    onEvent: (event) => onEvent?.(event),
    onRefused: ({ entry }, cause) => refused.push(`${entry.kind}: ${cause.message}`),
    onAnswer: () => undefined,
  });
  try {
    if (await sender.drained(withinMs, signal)) return { entries: before - refused.length, refused };
    const { away } = sender;
    const code = away === undefined || away.retryable ? 'TRACKING_UNREACHABLE' : 'TRACKING_REFUSED';
    const why = away === undefined ? 'MLflow is slow' : `${away.code}: ${away.message}`;
    throw new TrainerError(code, `${why}; ${spool.waiting.length} of ${before} entries are left`, {
      cause: away,
    });
  } finally {
    await sender.close();
    await spool.close();
  }
}
