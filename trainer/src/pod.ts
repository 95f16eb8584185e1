/** One run in a pod: wait for MLflow, pull the pinned images, train, report. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMlflow, MlflowError, type MlflowClient } from '@hilum/mlflow';
import { optionsOf, type PodConfig } from './config.ts';
import { pullDataset } from './dvc/pull.ts';
import type { TrainEvent } from './events.ts';
import type { TrainResult } from './options.ts';
import { labelsFrom } from './labels/table-kind.ts';
import { train } from './train.ts';
import { tracked } from './tracking.ts';
import { fetchWeights } from './weights.ts';

export interface PodOptions {
  readonly config: PodConfig;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly log: (event: string, fields?: Readonly<Record<string, unknown>>) => void;
}

/** Lines of one kind come no more often than this. */
const LOG_EVERY_MS = 5_000;
const ASK_AGAIN_MS = 2_000;

export async function runInPod({ config, signal, now, log }: PodOptions): Promise<TrainResult> {
  const { run, workDir } = config;
  const options = optionsOf(run);
  const mlflow = createMlflow({ baseUrl: run.tracking.uri, ...config.mlflow });
  // First of all: an hour of training that cannot be recorded would be lost.
  await waitForTracking(mlflow, { now, signal, waitMs: config.trackingWaitMs });
  log('tracking server answers', { uri: mlflow.baseUrl });

  const dataDir = join(workDir, 'data');
  const sometimes = throttled(now, log);
  const pulled = await pullDataset({
    remote: run.dataset.remote,
    md5: run.dataset.md5,
    into: dataDir,
    signal,
    ...(config.remoteAuth === undefined ? {} : { auth: config.remoteAuth }),
    onProgress: (progress) => sometimes('pulling', { ...progress }),
  });
  log('dataset pulled', { md5: run.dataset.md5, ...pulled });

  const given = run.model.baseWeights;
  const baseWeights =
    given === undefined
      ? config.baseWeights
      : await fetchWeights({ ...given, into: join(workDir, 'weights'), signal });
  const { labels } = run.dataset;
  return train({
    ...options,
    ...(labels !== undefined && {
      labels: await labelsFrom(join(dataDir, labels.table), dataDir, labels.columns),
    }),
    dataDir,
    // On the volume, where there is one: what MLflow could not take yet has to stay where it lies.
    outDir: join(config.checkpointDir ?? workDir, 'model'),
    cacheDir: join(workDir, 'features'),
    baseWeights,
    ...(config.checkpointDir !== undefined && {
      checkpoint: { place: config.checkpointDir, ...run.checkpoint },
    }),
    tracking: {
      mlflow,
      experiment: run.tracking.experiment,
      runName: run.run.name,
      trainingRun: run.run,
      spool: { dir: join(config.checkpointDir ?? workDir, 'spool') },
    },
    signal,
    now,
    onEvent: (event) => logEvent(event, log, sometimes),
  });
}

/** @throws TrainerError TRACKING_UNREACHABLE once the time is over, TRACKING_REFUSED at once */
async function waitForTracking(
  mlflow: MlflowClient,
  {
    now,
    signal,
    waitMs,
  }: { readonly now: () => number; readonly signal: AbortSignal; readonly waitMs: number },
): Promise<void> {
  const deadline = now() + waitMs;
  await tracked(async () => {
    for (;;) {
      try {
        await mlflow.ping(signal);
        return;
      } catch (error) {
        if (!(error instanceof MlflowError) || !error.retryable || now() >= deadline) throw error;
      }
      await sleep(ASK_AGAIN_MS, undefined, { signal });
    }
  });
}

function logEvent(event: TrainEvent, log: PodOptions['log'], sometimes: PodOptions['log']): void {
  const { type, ...fields } = event;
  if (type === 'features' || type === 'step') sometimes(type, fields);
  else log(type, fields);
}

/** The first line of a kind at once, later ones when the last is a while ago. */
function throttled(now: () => number, log: PodOptions['log']): PodOptions['log'] {
  const last = new Map<string, number>();
  return (event, fields) => {
    if (now() - (last.get(event) ?? -Infinity) < LOG_EVERY_MS) return;
    last.set(event, now());
    log(event, fields);
  };
}
