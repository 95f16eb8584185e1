/** One training run inside a search or a cross-validation, as these see it. */
import type { Epoch } from '../fit/epoch.ts';
import type { Settings } from './variables.ts';

/** All are indices of images of one dataset. */
export interface FitJob {
  readonly settings: Settings;
  readonly train: readonly number[];
  /** Chooses the epoch, and so must not be scored where the score is to be believed. */
  readonly validation: readonly number[];
  readonly score: readonly number[];
  readonly signal: AbortSignal;
  /** After each epoch; after `stop` nothing of the result is used. */
  readonly onEpoch?: (epoch: Epoch) => Promise<'go' | 'stop'>;
}

export interface FitScore {
  /** A row for each of `score`, one probability a label. */
  readonly probabilities: readonly (readonly number[])[];
  /** Whose weights gave them. */
  readonly bestEpoch: number;
}

/** A function of the job alone; what it throws is the trial's failure, or the study's (see `runStudy`). */
export type FitAndScore = (job: FitJob) => Promise<FitScore>;
