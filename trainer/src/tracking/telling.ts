/** What is needed to tell MLflow something about a run. */
import type { MetricPoint, MlflowClient } from '@hilum/mlflow';
import type { KnownRun } from './spool.ts';

export interface Telling {
  readonly mlflow: MlflowClient;
  readonly run: KnownRun;
  readonly signal: AbortSignal;
  readonly onNote: (note: string) => void;
  /** Points that the run does not have yet, by their mark. */
  readonly metrics: (points: readonly MetricPoint[], mark: string | undefined) => Promise<void>;
}
