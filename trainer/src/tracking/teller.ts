/** Tells MLflow one entry. Telling it again, by this process or a later one, changes nothing. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { MlflowError, type MetricPoint, type MlflowClient } from '@hilum/mlflow';
import type { Entry, EntryOf, Numbered } from './entry.ts';
import { tellPackage } from './package.ts';
import { tellRegistration, type RegisteredModel } from './registration.ts';
import type { KnownRun, Spool } from './spool.ts';
import type { Telling } from './telling.ts';

export interface Answer {
  readonly registered?: RegisteredModel;
}

export class Teller {
  readonly #mlflow: MlflowClient;
  readonly #spool: Spool;
  readonly #onNote: (note: string) => void;
  readonly #runs = new Map<string, KnownRun>();
  /** By run and mark: the steps that MLflow has. */
  readonly #steps = new Map<string, Set<number>>();

  constructor(mlflow: MlflowClient, spool: Spool, onNote: (note: string) => void) {
    this.#mlflow = mlflow;
    this.#spool = spool;
    this.#onNote = onNote;
  }

  /** @throws MlflowError; PackageError or an error of the file system where what is to be uploaded is not there */
  async tell(entry: Entry, signal: AbortSignal): Promise<Answer> {
    if (entry.kind === 'open') {
      await this.#open(entry, signal);
      return {};
    }
    const run = await this.#runOf(entry.run, signal);
    const metrics = (points: readonly MetricPoint[], mark: string | undefined): Promise<void> =>
      this.#metrics(run.runId, points, mark, signal);
    const telling = { mlflow: this.#mlflow, run, signal, onNote: this.#onNote, metrics };
    if (entry.kind === 'register') return { registered: await tellRegistration(telling, entry) };
    await this.#about(telling, entry);
    return {};
  }

  async #about(telling: Telling, entry: Exclude<Entry, { kind: 'open' | 'register' }>): Promise<void> {
    const { mlflow, run, signal } = telling;
    const { runId } = run;
    switch (entry.kind) {
      case 'params':
        return mlflow.logBatch(runId, { params: entry.params }, signal);
      case 'tags':
        return mlflow.logBatch(runId, { tags: entry.tags }, signal);
      case 'metrics':
        return telling.metrics(entry.points, entry.mark);
      case 'dataset':
        return tellDataset(telling, entry);
      case 'file':
        return this.#file(run, entry, signal);
      case 'package':
        return tellPackage(telling, entry);
      case 'end':
        return mlflow.updateRun(runId, { status: entry.status, endTimeMs: entry.endTimeMs }, signal);
    }
  }

  /** All metrics of one run in one request, without those that it has. */
  async tellMetrics(batch: readonly Numbered[], signal: AbortSignal): Promise<Answer> {
    const entries = batch.flatMap(({ entry }) => (entry.kind === 'metrics' ? [entry] : []));
    const { runId } = await this.#runOf(entries[0]?.run ?? '', signal);
    const missing: EntryOf<'metrics'>[] = [];
    const told = new Set<string>();
    for (const entry of entries) {
      const { points, mark } = entry;
      // An epoch of two tries of the run may be in the spool twice.
      const name = `${mark} ${points.at(-1)?.step}`;
      if (told.has(name) || (await this.#has(runId, points, mark, signal))) continue;
      missing.push(entry);
      if (mark !== undefined) told.add(name);
    }
    await this.#mlflow.logBatch(runId, { metrics: missing.flatMap(({ points }) => points) }, signal);
    for (const { mark, points } of missing) this.#remember(runId, points, mark);
    return {};
  }

  async #open(entry: EntryOf<'open'>, signal: AbortSignal): Promise<void> {
    const mlflow = this.#mlflow;
    const parent = entry.parent === undefined ? undefined : await this.#runOf(entry.parent, signal);
    const ofParent: Record<string, string> =
      parent === undefined ? {} : { 'mlflow.parentRunId': parent.runId };
    const experimentId = await mlflow.ensureExperiment(entry.experiment, signal);
    // Also after a lost answer: then the run is there.
    const known = await mlflow.findRun(experimentId, { ...entry.find, ...ofParent }, signal);
    if (known !== undefined && known.status !== 'RUNNING')
      await mlflow.updateRun(known.runId, { status: 'RUNNING' }, signal);
    const { name, startTimeMs } = entry;
    const tags = { ...entry.tags, ...entry.find, ...ofParent };
    const { runId, artifactUri } =
      known ?? (await mlflow.createRun({ experimentId, name, startTimeMs, tags }, signal));
    await this.#spool.resolved(entry.run, { runId, experimentId, artifactUri });
  }

  async #runOf(key: string, signal: AbortSignal): Promise<KnownRun> {
    const known = this.#spool.runOf(key) ?? this.#runs.get(key);
    if (known !== undefined) return known;
    const { runId, experimentId, artifactUri } = await this.#mlflow.getRun(key, signal);
    this.#runs.set(key, { runId, experimentId, artifactUri });
    return { runId, experimentId, artifactUri };
  }

  async #metrics(
    runId: string,
    points: readonly MetricPoint[],
    mark: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (await this.#has(runId, points, mark, signal)) return;
    await this.#mlflow.logBatch(runId, { metrics: points }, signal);
    this.#remember(runId, points, mark);
  }

  async #has(
    runId: string,
    points: readonly MetricPoint[],
    mark: string | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const step = points.at(-1)?.step;
    if (step === undefined || mark === undefined) return false;
    return (await this.#stepsOf(runId, mark, signal)).has(step);
  }

  #remember(runId: string, points: readonly MetricPoint[], mark: string | undefined): void {
    const step = points.at(-1)?.step;
    if (step !== undefined && mark !== undefined) this.#steps.get(`${runId} ${mark}`)?.add(step);
  }

  /** Asked once a run and mark: an earlier try of the run may have told some. */
  async #stepsOf(runId: string, mark: string, signal: AbortSignal): Promise<Set<number>> {
    const key = `${runId} ${mark}`;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const history = await this.#mlflow.metricHistory(runId, mark, signal);
    const steps = new Set(history.map(({ step }) => step));
    this.#steps.set(key, steps);
    return steps;
  }

  async #file(run: KnownRun, { path, kept, lies }: EntryOf<'file'>, signal: AbortSignal): Promise<void> {
    const file = kept === undefined ? (lies ?? '') : join(this.#spool.dir, 'files', kept);
    if (!(await lstat(file)).isFile()) {
      throw new MlflowError('ARTIFACT_PATH_INVALID', `${path} is not a file any more`);
    }
    await this.#mlflow.uploadFile(run, path, file, signal);
  }
}

async function tellDataset(
  { mlflow, run, signal, onNote }: Telling,
  { dataset }: EntryOf<'dataset'>,
): Promise<void> {
  const { datasets, notes } = await mlflow.capabilities(signal);
  if (datasets) {
    await mlflow.logDataset(run.runId, dataset, signal);
    return;
  }
  for (const note of notes.filter((text) => text.includes('dataset'))) onNote(note);
  const tags = Object.fromEntries(
    (['name', 'digest', 'source'] as const).map((key) => [`hilum.dataset.${key}`, dataset[key]]),
  );
  await mlflow.logBatch(run.runId, { tags }, signal);
}
