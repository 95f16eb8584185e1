/** Everything that `decide` looks at beside the TrainingRun itself. */
import type { ChildDefaults } from '../config.ts';
import type { Pod } from '../pods/pod.ts';
import type { Answer } from '../poller.ts';
import type { Job } from './job.ts';

/** What MLflow knows of a run. */
export interface TrackedRun {
  readonly experimentId: string;
  readonly runId: string;
  readonly status: string;
  /** The last finished epoch, from 1. */
  readonly epoch?: number;
  /** AUC-ROC on the validation part after that epoch. */
  readonly aucRoc?: number;
}

export interface TrainingWorld {
  readonly defaults: ChildDefaults;
  readonly job?: Job;
  /** The status names a Job, and the API server itself says that there is none. */
  readonly jobGone: boolean;
  /** Pods of that Job, oldest first. */
  readonly pods: readonly Pod[];
  /** The MLflow run; its value is null where MLflow has none yet. Absent before the first answer. */
  readonly tracked?: Answer<TrackedRun | null>;
  /** How far the closing of the MLflow run is; true when there is nothing left to close. */
  readonly closed?: Answer<true>;
  /** The API server refused a child of this object. */
  readonly rejected?: string;
}
