/** What a search for settings is asked for, who follows it, and what it finds. */
import type { Algorithm, AshaRule, MedianRule, Space } from '@hilum/search';
import type { Epoch } from '../fit/epoch.ts';
import type { StudyResult } from './study-options.ts';
import type { StudyTrial } from './trials.ts';
import type { Settings } from './variables.ts';

export interface SearchOptions {
  readonly space: Space;
  readonly algorithm: Algorithm;
  /** From 0 to 2^32 - 1. */
  readonly seed: number;
  readonly trials: number;
  /** Steps are epochs, or folds where there are some. */
  readonly stopping?: AshaRule | MedianRule;
  /** 3 unless told. */
  readonly failedTrials?: number;
  /**
   * 2 or more: every trial is cross-validated on the patients of training and validation part together, which takes
   * so many times as long and is less swayed by who is in the validation part. Otherwise the parts are as they are.
   */
  readonly folds?: number;
  /** File of JSON lines by which a search that was killed goes on. */
  readonly journal: string;
}

/** Follows the trials of a search, in MLflow for instance; every call is waited for. */
export interface TrialLog {
  /** Comes again for a trial that was interrupted. */
  readonly started: (trial: Pick<StudyTrial, 'number' | 'parameters'>) => Promise<void>;
  /** Not where trials are cross-validated: there are as many trainings as folds. */
  readonly epoch: (trial: number, epoch: Epoch) => Promise<void>;
  readonly ended: (trial: StudyTrial) => Promise<void>;
}

export interface FoundSettings extends StudyResult {
  /** With the parameters of the best trial in their places. */
  readonly settings: Settings;
  readonly best: StudyTrial;
}
