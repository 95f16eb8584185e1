export { createMlflow, type MlflowClient } from './client.ts';
export { MLFLOW_CODES, MlflowError } from './errors.ts';
export type { Capabilities } from './capabilities.ts';
export type { MlflowOptions } from './http.ts';
export type { MetricPoint, RunData } from './batches.ts';
export type { DatasetInput, MetricValue, NewRun, Run, RunStatus, RunUpdate } from './tracking.ts';
export type { LoggedModel, NewLoggedModel } from './logged-models.ts';
export type { ModelVersion, NewModelVersion } from './registry.ts';
export type { Artifact, ArtifactFolder, DownloadOptions, DownloadProgress } from './artifacts.ts';
