/** What a study is asked for, what it says while it goes on, and what it gives. */
import type { Algorithm, AshaRule, Direction, MedianRule, Parameters, Space } from '@hilum/search';
import type { StudyTrial } from './trials.ts';

export interface RunningTrial {
  /** From 0, in the order of the suggestions. */
  readonly number: number;
  readonly parameters: Parameters;
  /** Raised when the study is told to end, or another trial ended it. */
  readonly signal: AbortSignal;
  /**
   * Tells how far the trial is, in steps counted from 1.
   *
   * @returns `stop`: end now, by returning or throwing anything; the trial's value is not asked for any more
   */
  readonly report: (step: number, value: number) => 'go' | 'stop';
}

/** `value` is what the study is about; all else must survive JSON and is kept with the trial. */
export interface Outcome {
  readonly value: number;
  readonly [detail: string]: unknown;
}

export interface StudyOptions {
  readonly space: Space;
  readonly algorithm: Algorithm;
  /** From 0 to 2^32 - 1. */
  readonly seed: number;
  readonly direction: Direction;
  /** How many are started at most; a finite space may have fewer. A study that is over goes on with a higher number. */
  readonly trials: number;
  /** Trials at a time; 1 unless told. Only with 1 is a study that was interrupted certain to equal the undisturbed one. */
  readonly parallel?: number;
  readonly stopping?: AshaRule | MedianRule;
  /** So many trials may fail, 3 unless told; one more ends the study. */
  readonly failedTrials?: number;
  /** Whether parameters can be run at all; those that cannot are passed over and take no place. */
  readonly feasible?: (parameters: Parameters) => boolean;
  /** What the objective is about (dataset, base recipe, …), as JSON: a journal of another objective is refused. */
  readonly about?: Readonly<Record<string, unknown>>;
  /** Must be a function of its parameters alone for a resumed study to equal an undisturbed one. */
  readonly objective: (trial: RunningTrial) => Promise<Outcome>;
  /** File of JSON lines; one process at a time. */
  readonly journal: string;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: StudyEvent) => void;
  /** Waited for before a trial's end is written down: after a kill in between it is called again for the same trial. */
  readonly onTrialEnd?: (trial: StudyTrial) => Promise<void>;
}

export type StudyEvent =
  /** `done` of the trials were in the journal. */
  | { readonly type: 'study'; readonly trials: number; readonly done: number }
  | {
      readonly type: 'trial';
      readonly number: number;
      readonly parameters: Parameters;
      readonly why: 'new' | 'interrupted' | 'promoted';
    }
  | { readonly type: 'report'; readonly number: number; readonly step: number; readonly value: number }
  | {
      readonly type: 'trial-ended';
      readonly trial: StudyTrial;
      /** Trials that have ended, and of how many. */
      readonly done: number;
      readonly trials: number;
      readonly best?: StudyTrial;
    };

export interface StudyResult {
  /** By number; those that were infeasible too. */
  readonly trials: readonly StudyTrial[];
  /** Of those that succeeded; absent where none has. */
  readonly best?: StudyTrial;
}
