/** One training run in MLflow: opened or found again, filled, and closed whatever happens. */
import { MlflowError, type MlflowClient, type Run } from '@hilum/mlflow';
import { TrainerError } from './errors.ts';
import type { Evaluation, Figures, Gate } from './evaluation.ts';
import type { Epoch } from './fit/epoch.ts';

export interface TrackingOptions {
  readonly mlflow: MlflowClient;
  readonly experiment: string;
  readonly runName: string;
  /** A run with the same uid is the same run: a retry goes on with it instead of making another. */
  readonly trainingRun?: { readonly name: string; readonly namespace: string; readonly uid: string };
}

export interface Registration {
  readonly model: string;
  /** Moved to the new version past the gate; without one no alias is touched. */
  readonly alias?: string;
  readonly gate?: { readonly minAucRoc: number };
}

export interface RegisteredModel {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  /** Set where the gate was passed. */
  readonly alias?: string;
}

/** What an earlier try of the same run had finished when it ended. */
export interface Uploaded {
  readonly digest: string;
  readonly figures: Omit<Figures, 'samples'>;
}

const DIGEST_TAG = 'hilum.digest';
const UID_TAG = 'hilum.trainingrun.uid';
/** Longest that the closing of a run may hold up the end of the process. */
const CLOSE_MS = 3_000;

export class RunLog {
  readonly run: Run;
  readonly #mlflow: MlflowClient;
  readonly #options: TrackingOptions;
  readonly #now: () => number;
  readonly #signal: AbortSignal | undefined;
  /** When each step was first logged: the same point, sent again, is then stored once. */
  readonly #timestamps: Map<number, number>;

  private constructor(
    run: Run,
    options: TrackingOptions,
    timestamps: Map<number, number>,
    clock: { readonly now: () => number; readonly signal?: AbortSignal },
  ) {
    this.run = run;
    this.#mlflow = options.mlflow;
    this.#options = options;
    this.#timestamps = timestamps;
    this.#now = clock.now;
    this.#signal = clock.signal;
  }

  /** @throws TrainerError TRACKING_UNREACHABLE, TRACKING_REFUSED, as all methods do */
  static async open(
    options: TrackingOptions,
    clock: { readonly now: () => number; readonly signal?: AbortSignal },
  ): Promise<RunLog> {
    const { mlflow, trainingRun } = options;
    const { now, signal } = clock;
    return tracked(async () => {
      const experimentId = await mlflow.ensureExperiment(options.experiment, signal);
      const known =
        trainingRun === undefined
          ? undefined
          : await mlflow.findRunByTag(experimentId, UID_TAG, trainingRun.uid, signal);
      if (known === undefined) {
        const tags = { ...tagsOf(trainingRun), 'mlflow.source.name': 'hilum', 'hilum.use': 'research only' };
        const name = options.runName;
        const run = await mlflow.createRun({ experimentId, name, tags, startTimeMs: now() }, signal);
        return new RunLog(run, options, new Map(), clock);
      }
      if (known.status !== 'RUNNING') await mlflow.updateRun(known.runId, { status: 'RUNNING' }, signal);
      const history = await mlflow.metricHistory(known.runId, 'epoch', signal);
      const timestamps = new Map(history.map(({ step, timestampMs }) => [step, timestampMs]));
      return new RunLog(known, options, timestamps, clock);
    });
  }

  /** The page of the run in MLflow's own pages. */
  get url(): string {
    return `${this.#mlflow.baseUrl}/#/experiments/${this.run.experimentId}/runs/${this.run.runId}`;
  }

  /** What needs no second computation, because an earlier try uploaded the whole package. */
  get uploaded(): Uploaded | undefined {
    const digest = this.run.tags[DIGEST_TAG];
    const { 'test/accuracy': accuracy, 'test/auc_roc': aucRoc } = this.run.metrics;
    if (digest === undefined || accuracy === undefined || aucRoc === undefined) return undefined;
    return { digest, figures: { accuracy, aucRoc } };
  }

  async start(
    params: Readonly<Record<string, string>>,
    dataset: { readonly name: string; readonly digest: string; readonly source: string },
  ): Promise<void> {
    await tracked(async () => {
      await this.#mlflow.logBatch(this.run.runId, { params }, this.#signal);
      await this.#mlflow.logDataset(this.run.runId, { ...dataset, sourceType: 'dvc' }, this.#signal);
    });
  }

  async epoch(epoch: Epoch): Promise<void> {
    await this.#metrics(epoch.epoch, {
      epoch: epoch.epoch,
      'train/loss': epoch.loss,
      'val/loss': epoch.valLoss,
      'val/accuracy': epoch.valAccuracy,
      'val/auc_roc': epoch.valAucRoc,
    });
  }

  /**
   * Uploads the package under `model/` and the other files beside it. The tag with the digest comes last: it says
   * that everything is there.
   */
  async upload(result: {
    readonly evaluation: Evaluation;
    readonly bestEpoch: number;
    readonly digest: string;
    readonly packageDir: string;
    readonly files: Readonly<Record<string, Uint8Array>>;
  }): Promise<void> {
    const { evaluation, bestEpoch } = result;
    await tracked(async () => {
      await this.#mlflow.uploadDirectory(this.run, 'model', result.packageDir, this.#signal);
      for (const [path, bytes] of Object.entries(result.files)) {
        await this.#mlflow.uploadFile(this.run, path, bytes, this.#signal);
      }
    });
    await this.#metrics(bestEpoch, {
      'test/accuracy': evaluation.accuracy,
      'test/auc_roc': evaluation.aucRoc,
      'test/unit_accuracy': evaluation.perUnit.accuracy,
      'test/unit_auc_roc': evaluation.perUnit.aucRoc,
      best_epoch: bestEpoch,
    });
    await tracked(() =>
      this.#mlflow.logBatch(this.run.runId, { tags: { [DIGEST_TAG]: result.digest } }, this.#signal),
    );
  }

  /** Makes the version, or finds the one that an earlier try made; moves the alias only past the gate. */
  async register(registration: Registration, digest: string, gate: Gate): Promise<RegisteredModel> {
    const { model: name, alias } = registration;
    return tracked(async () => {
      await this.#mlflow.ensureRegisteredModel(name, this.#signal);
      const uid = this.#options.trainingRun?.uid;
      const tags = { [DIGEST_TAG]: digest, ...(uid === undefined ? {} : { [UID_TAG]: uid }) };
      const source = `${this.run.artifactUri}/model`;
      const { version } = await this.#mlflow.createModelVersion(
        { name, source, runId: this.run.runId, tags },
        this.#signal,
      );
      if (!gate.passed || alias === undefined) return { name, version, digest };
      await this.#mlflow.setAlias(name, alias, version, this.#signal);
      return { name, version, digest, alias };
    });
  }

  async finish(): Promise<void> {
    await tracked(() =>
      this.#mlflow.updateRun(this.run.runId, { status: 'FINISHED', endTimeMs: this.#now() }, this.#signal),
    );
  }

  /** After an error; never throws and never takes long: the error is what matters. */
  async abandon(status: 'FAILED' | 'KILLED'): Promise<void> {
    const deadline = AbortSignal.timeout(CLOSE_MS);
    await this.#mlflow
      .updateRun(this.run.runId, { status, endTimeMs: this.#now() }, deadline)
      .catch(() => undefined);
  }

  async #metrics(step: number, values: Readonly<Record<string, number>>): Promise<void> {
    const timestampMs = this.#timestamps.get(step) ?? this.#now();
    this.#timestamps.set(step, timestampMs);
    const metrics = Object.entries(values).map(([key, value]) => ({ key, value, timestampMs, step }));
    await tracked(() => this.#mlflow.logBatch(this.run.runId, { metrics }, this.#signal));
  }
}

function tagsOf(trainingRun: TrackingOptions['trainingRun']): Record<string, string> {
  if (trainingRun === undefined) return {};
  return {
    [UID_TAG]: trainingRun.uid,
    'hilum.trainingrun.name': trainingRun.name,
    'hilum.trainingrun.namespace': trainingRun.namespace,
  };
}

/** Gives MLflow's errors the trainer's codes. */
export async function tracked<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof MlflowError)) throw cause;
    const code = cause.retryable ? 'TRACKING_UNREACHABLE' : 'TRACKING_REFUSED';
    throw new TrainerError(code, `${cause.code}: ${cause.message}`, { cause });
  }
}
