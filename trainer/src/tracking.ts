/** One training run in MLflow, and its trials: opened or found again, filled, and closed whatever happens. */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MlflowError, type Run } from '@hilum/mlflow';
import { TrainerError } from './errors.ts';
import type { Verdict } from './evaluation/judge.ts';
import type { Evaluation } from './evaluation.ts';
import type { Epoch } from './fit/epoch.ts';
import { pointsOf, type EntryOf } from './tracking/entry.ts';
import { openNow, runEntry, trialEntry, UID_TAG, unknownRun } from './tracking/open.ts';
import type { Registration, TrackingOptions, Trial, Uploaded } from './tracking/options.ts';
import { DIGEST_TAG } from './tracking/package.ts';
import type { RegisteredModel } from './tracking/registration.ts';
import { refusal } from './tracking/sender.ts';
import { Session, type Clock } from './tracking/session.ts';
import { SystemMetrics } from './tracking/system-metrics.ts';
import { GATE_TAG, verdictOf } from './tracking/verdict.ts';

export type { Registration, TrackingOptions } from './tracking/options.ts';
export type { RegisteredModel } from './tracking/registration.ts';
export type { TrackingEvent } from './tracking/event.ts';
export { tracked } from './tracking/tracked.ts';

/** Longest that the closing of a run may hold up the end of the process. */
const CLOSE_MS = 3_000;
/** Larger files are not copied: they have to stay where they lie until MLflow has them. */
const COPIED_BYTES = 8 * 2 ** 20;

/**
 * Everything is on disk before it is sent, in the order in which it was told, and sent behind the back of the training:
 * an MLflow that is away for a while is caught up with later.
 */
export class RunLog {
  /** CPU, memory, disk, network and GPU of the machine, while it is started. */
  readonly system: SystemMetrics;
  readonly #session: Session;
  readonly #options: TrackingOptions;
  readonly #isTrial: boolean;
  #key: string;
  #run: Run;
  #dataset: { readonly name: string; readonly digest: string } | undefined;
  #isOver = false;

  private constructor(session: Session, options: TrackingOptions, key: string, run: Run, isTrial: boolean) {
    this.#session = session;
    this.#options = options;
    this.#isTrial = isTrial;
    this.#key = key;
    this.#run = run;
    this.system = new SystemMetrics({
      now: session.now,
      startTimeMs: run.startTimeMs,
      signal: session.signal,
      log: async (points) => {
        await session.tell({ kind: 'metrics', run: this.#place(), points, system: true });
      },
    });
  }

  /**
   * @throws TrainerError TRACKING_UNREACHABLE, TRACKING_REFUSED, as all methods do; where MLflow is not required, the
   *   first of them only when the spool is full
   */
  static async open(options: TrackingOptions, clock: Clock): Promise<RunLog> {
    const session = await Session.open(options, clock);
    try {
      const entry = runEntry(options, clock.now());
      const run = await openNow(session, entry);
      if (run !== undefined) return new RunLog(session, options, run.runId, run, false);
      await session.tell(entry);
      return new RunLog(session, options, entry.run, unknownRun(entry), false);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** As MLflow knows it; with a `local-…` id while MLflow has not heard of it, which the run is tagged with later. */
  get run(): Run {
    const known = this.#session.spool.runOf(this.#key);
    if (known !== undefined) {
      this.#key = known.runId;
      this.#run = { ...this.#run, ...known };
    }
    return this.#run;
  }

  /** The page of the run in MLflow's own pages. */
  get url(): string {
    const { experimentId, runId } = this.run;
    return `${this.#session.mlflow.baseUrl}/#/experiments/${experimentId}/runs/${runId}`;
  }

  /** What needs no second computation, because an earlier try uploaded the whole package. */
  get uploaded(): Uploaded | undefined {
    const digest = this.run.tags[DIGEST_TAG];
    const { 'test/accuracy': accuracy, 'test/auc_roc': aucRoc } = this.run.metrics;
    const verdict = verdictOf(this.run.tags[GATE_TAG]);
    if (digest === undefined || accuracy === undefined || aucRoc === undefined || verdict === undefined)
      return undefined;
    return { digest, verdict, figures: { accuracy, aucRoc } };
  }

  async start(
    params: Readonly<Record<string, string>>,
    dataset: { readonly name: string; readonly digest: string; readonly source: string },
  ): Promise<void> {
    const { name, digest } = dataset;
    this.#dataset = { name, digest };
    await this.#session.tell({ kind: 'params', run: this.#place(), params });
    await this.#session.tell({
      kind: 'dataset',
      run: this.#place(),
      dataset: { ...dataset, sourceType: 'dvc' },
    });
    await this.#session.settled();
  }

  /** Returns when it is on disk. An epoch that an earlier try of the run told is not told again. */
  async epoch(epoch: Epoch): Promise<void> {
    const values = {
      'train/loss': epoch.loss,
      'train/learning_rate': epoch.learningRate,
      'train/images_per_second': epoch.imagesPerSecond,
      'val/loss': epoch.valLoss,
      'val/accuracy': epoch.valAccuracy,
      'val/auc_roc': epoch.valAucRoc,
      epoch: epoch.epoch,
    };
    await this.#metrics(epoch.epoch, values, epoch.endedAtMs);
  }

  /** Figures of one step, told once: where the run has the last of them at this step, none is told again. */
  async metrics(step: number, values: Readonly<Record<string, number>>): Promise<void> {
    await this.#metrics(step, values, this.#session.now());
  }

  async tags(tags: Readonly<Record<string, string>>): Promise<void> {
    await this.#session.tell({ kind: 'tags', run: this.#place(), tags });
  }

  /**
   * Files beside the package, over what was there.
   *
   * @param files by path among the run's artifacts: the bytes, or where the file lies; one above 8 MiB has to stay there
   */
  async files(files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
    for (const [path, content] of Object.entries(files)) {
      const entry = { kind: 'file', run: this.#place(), path } as const;
      const isCopied = typeof content !== 'string' || (await stat(content)).size <= COPIED_BYTES;
      if (isCopied)
        await this.#session.tell(entry, typeof content === 'string' ? await readFile(content) : content);
      else await this.#session.tell({ ...entry, lies: resolve(content) });
    }
  }

  /**
   * Uploads the package under `model/` and the other files beside it. The tag with the digest comes last: it says
   * that everything is there. Until MLflow has the package it has to stay where it lies.
   */
  async upload(result: {
    readonly evaluation: Pick<Evaluation, 'accuracy' | 'aucRoc' | 'perUnit'>;
    readonly bestEpoch: number;
    readonly digest: string;
    /** By which the alias moves, also in a retry that has nothing left to do but that. */
    readonly verdict: Verdict;
    readonly packageDir: string;
    readonly files: Readonly<Record<string, Uint8Array>>;
    /** More figures of the test part, by their keys in MLflow. */
    readonly metrics?: Readonly<Record<string, number>>;
  }): Promise<void> {
    const { evaluation, bestEpoch, digest, verdict } = result;
    await this.files(result.files);
    await this.tags({ [GATE_TAG]: JSON.stringify(verdict) });
    const values = {
      ...result.metrics,
      'test/accuracy': evaluation.accuracy,
      'test/auc_roc': evaluation.aucRoc,
      'test/unit_accuracy': evaluation.perUnit.accuracy,
      'test/unit_auc_roc': evaluation.perUnit.aucRoc,
      best_epoch: bestEpoch,
    };
    await this.#session.tell({
      kind: 'package',
      run: this.#place(),
      dir: resolve(result.packageDir),
      digest,
      points: pointsOf(bestEpoch, values, this.#session.now()),
      ...(this.#dataset === undefined ? {} : { dataset: this.#dataset }),
    });
    await this.#session.settled();
  }

  /**
   * Makes the version, or finds the one that an earlier try made; moves the alias only past the gate.
   *
   * @throws TrainerError BAD_CONFIG where this MLflow has no registry; the run is FINISHED then, with its files
   */
  async register(
    registration: Registration,
    digest: string,
    gate: Pick<Verdict, 'passed'>,
  ): Promise<RegisteredModel> {
    const { model } = registration;
    const alias = gate.passed ? registration.alias : undefined;
    const uid = this.#options.trainingRun?.uid;
    const seq = await this.#session.tell({
      kind: 'register',
      run: this.#place(),
      model,
      digest,
      tags: uid === undefined ? {} : { [UID_TAG]: uid },
      ...(alias === undefined ? {} : { alias }),
    });
    await this.#drainedOrOver(false);
    const refused = this.#session.refused(seq);
    if (refused instanceof MlflowError && refused.code === 'REGISTRY_MISSING') {
      await this.finish();
      throw new TrainerError('BAD_CONFIG', `${refused.code}: ${refused.message}`, { cause: refused });
    }
    if (refused !== undefined) throw refusal(refused);
    const pending = { name: model, version: 'pending', digest, pending: true } as const;
    return this.#session.registered(seq) ?? { ...pending, ...(alias === undefined ? {} : { alias }) };
  }

  /** A trial of a search, as a run below this one; it ends by its own `finish` or `abandon`, before this run does. */
  async child(trial: Trial): Promise<RunLog> {
    const { experiment } = this.#options;
    const entry = trialEntry(trial, { parent: this.#place(), experiment, startTimeMs: this.#session.now() });
    await this.#session.tell(entry);
    await this.#session.tell({ kind: 'params', run: entry.run, params: trial.params });
    await this.#session.settled();
    return new RunLog(this.#session, this.#options, entry.run, unknownRun(entry), true);
  }

  /**
   * Waits for an MLflow that is away, as long as `catchUpMs` says.
   *
   * @throws TrainerError TRACKING_UNREACHABLE after that wait where MLflow is required; what is left stays in the spool
   */
  async finish(): Promise<void> {
    if (this.#isOver) return;
    await this.system.stop();
    await this.#session.tell(this.#end('FINISHED'));
    if (this.#isTrial) {
      await this.#session.settled();
      this.#isOver = true;
      return;
    }
    await this.#drainedOrOver(true);
    this.#isOver = true;
    await this.#session.close();
  }

  /** After an error; never throws and never takes long: the error is what matters. */
  async abandon(status: 'FAILED' | 'KILLED'): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const { sender } = this.#session;
    await this.system.stop();
    await this.#session
      .tellEnd(this.#end(status))
      .then(() => sender.drained(CLOSE_MS, undefined))
      .catch(() => undefined);
    if (!this.#isTrial) await this.#session.close().catch(() => undefined);
  }

  /** Where MLflow does not come back, all that this run had to say is in the spool: also that it is complete. */
  async #drainedOrOver(isEnd: boolean): Promise<void> {
    try {
      await this.#session.drained();
    } catch (error) {
      if (error instanceof TrainerError && this.#session.sender.away !== undefined) {
        this.#isOver = true;
        await this.system.stop();
        if (!isEnd) await this.#session.tellEnd(this.#end('FINISHED'));
        await this.#session.close();
      }
      throw error;
    }
  }

  #end(status: EntryOf<'end'>['status']): EntryOf<'end'> {
    return { kind: 'end', run: this.#place(), status, endTimeMs: this.#session.now() };
  }

  async #metrics(step: number, values: Readonly<Record<string, number>>, timestampMs: number): Promise<void> {
    const points = pointsOf(step, values, timestampMs);
    const mark = points.at(-1)?.key;
    if (mark !== undefined) await this.#session.tell({ kind: 'metrics', run: this.#place(), points, mark });
  }

  /** How entries name the run. */
  #place(): string {
    const { runId } = this.run;
    return runId;
  }
}
