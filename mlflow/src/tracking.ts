/** Experiments, runs, and what is logged to a run. */
import { z } from 'zod';
import { LIMITS, batchesOf, keyValues, type RunData } from './batches.ts';
import { MlflowError, hasCode } from './errors.ts';
import type { Http } from './http.ts';

export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';

export interface Run {
  readonly runId: string;
  readonly experimentId: string;
  readonly status: RunStatus;
  /** Where the run's files are, for example `mlflow-artifacts:/1/<run>/artifacts`. */
  readonly artifactUri: string;
  /** The last value of each metric. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly startTimeMs: number;
  readonly endTimeMs?: number;
}

export interface NewRun {
  readonly experimentId: string;
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly startTimeMs: number;
}

export interface DatasetInput {
  readonly name: string;
  /** At most 36 characters: the `<md5>.dir` of a DVC folder is just that long. */
  readonly digest: string;
  readonly sourceType: string;
  readonly source: string;
  /** What the run used it for; default `training`. */
  readonly context?: string;
}

export interface MetricValue {
  readonly value: number;
  readonly step: number;
  readonly timestampMs: number;
}

export interface RunUpdate {
  readonly status: Exclude<RunStatus, 'SCHEDULED'>;
  readonly endTimeMs?: number;
}

/** Every call throws MlflowError, or the reason of `signal`. */
export interface Tracking {
  /** Id of the experiment of this name, created where there is none. Several may ask at once. */
  ensureExperiment(name: string, signal?: AbortSignal): Promise<string>;
  /** Not repeated when the answer is lost: look with `findRunByTag` first. */
  createRun(run: NewRun, signal?: AbortSignal): Promise<Run>;
  getRun(runId: string, signal?: AbortSignal): Promise<Run>;
  /** The newest run of the experiment with this tag. */
  findRunByTag(
    experimentId: string,
    key: string,
    value: string,
    signal?: AbortSignal,
  ): Promise<Run | undefined>;
  /** The newest run of the experiment with all of these tags. */
  findRun(
    experimentId: string,
    tags: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<Run | undefined>;
  /** Takes any number of items, and sends as many requests as MLflow's limits need. Safe to repeat. */
  logBatch(runId: string, data: RunData, signal?: AbortSignal): Promise<void>;
  logDataset(runId: string, dataset: DatasetInput, signal?: AbortSignal): Promise<void>;
  updateRun(runId: string, update: RunUpdate, signal?: AbortSignal): Promise<void>;
  /** All values of one metric in the order they were logged; none for an unknown key. */
  metricHistory(runId: string, key: string, signal?: AbortSignal): Promise<MetricValue[]>;
}

const API = '/api/2.0/mlflow';
/** MLflow 3 shows an experiment as one of language models or of training; without this tag it guesses. */
const EXPERIMENT_TAGS = [{ key: 'mlflow.experimentKind', value: 'custom_model_development' }];

export function createTracking(http: Http): Tracking {
  async function experimentByName(
    name: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const query = { experiment_name: name };
    const { experiment } = await http
      .json({ path: `${API}/experiments/get-by-name`, query, signal }, experimentAnswer)
      .catch((error: unknown) => {
        if (hasCode(error, 'RESOURCE_DOES_NOT_EXIST')) return { experiment: undefined };
        throw error;
      });
    if (experiment?.lifecycle_stage !== 'deleted') return experiment?.experiment_id;
    const todo = 'restore it or name another';
    throw new MlflowError('EXPERIMENT_DELETED', `the experiment "${name}" was deleted; ${todo}`);
  }

  async function findRun(
    experimentId: string,
    tags: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Run | undefined> {
    const filter = Object.entries(tags).map(([key, value]) => {
      // MLflow's filters know no escape: a value may hold one kind of quote, not both.
      const quote = value.includes("'") ? '"' : "'";
      return `tags.\`${key}\` = ${quote}${value}${quote}`;
    });
    const body = {
      experiment_ids: [experimentId],
      filter: filter.join(' and '),
      max_results: 1,
      order_by: ['attributes.start_time DESC'],
    };
    const { runs } = await http.json({ path: `${API}/runs/search`, body, signal }, searchAnswer);
    return runs[0];
  }

  return {
    async ensureExperiment(name, signal) {
      const known = await experimentByName(name, signal);
      if (known !== undefined) return known;
      try {
        const request = { path: `${API}/experiments/create`, body: { name, tags: EXPERIMENT_TAGS }, signal };
        return (await http.json(request, z.object({ experiment_id: z.string() }))).experiment_id;
      } catch (error) {
        // Somebody was faster, or our own first request did its work and its answer was lost.
        const id = hasCode(error, 'RESOURCE_ALREADY_EXISTS')
          ? await experimentByName(name, signal)
          : undefined;
        if (id !== undefined) return id;
        throw error;
      }
    },

    async createRun({ experimentId, name, tags, startTimeMs }, signal) {
      const list = keyValues(tags, 'tag', LIMITS.tagLength);
      const body = { experiment_id: experimentId, run_name: name, start_time: startTimeMs, tags: list };
      const request = { path: `${API}/runs/create`, body, idempotent: false, signal };
      return (await http.json(request, runAnswer)).run;
    },

    async getRun(runId, signal) {
      return (await http.json({ path: `${API}/runs/get`, query: { run_id: runId }, signal }, runAnswer)).run;
    },

    findRunByTag: (experimentId, key, value, signal) => findRun(experimentId, { [key]: value }, signal),
    findRun,

    async logBatch(runId, data, signal) {
      for (const batch of batchesOf(data)) {
        const body = { run_id: runId, ...batch };
        await http.json({ path: `${API}/runs/log-batch`, body, signal }, nothing);
      }
    },

    async logDataset(runId, { name, digest, sourceType, source, context = 'training' }, signal) {
      const dataset = { name, digest, source_type: sourceType, source };
      const tags = [{ key: 'mlflow.data.context', value: context }];
      const body = { run_id: runId, datasets: [{ dataset, tags }] };
      await http.json({ path: `${API}/runs/log-inputs`, body, signal }, nothing);
    },

    async updateRun(runId, { status, endTimeMs }, signal) {
      const body = { run_id: runId, status, end_time: endTimeMs };
      await http.json({ path: `${API}/runs/update`, body, signal }, nothing);
    },

    async metricHistory(runId, key, signal) {
      const values: MetricValue[] = [];
      let token: string | undefined;
      do {
        const query = { run_id: runId, metric_key: key, max_results: 10_000, page_token: token };
        const page = await http.json({ path: `${API}/metrics/get-history`, query, signal }, historyAnswer);
        for (const { value, step, timestamp } of page.metrics)
          values.push({ value, step, timestampMs: timestamp });
        // A page without values would go on for ever.
        token = page.metrics.length === 0 ? undefined : page.next_page_token;
      } while (token !== undefined && token !== '');
      return values;
    },
  };
}

const nothing = z.looseObject({});
// Protobuf's JSON writes 64-bit integers as strings, MLflow's own writes them as numbers.
const int64 = z.coerce.number();
const metricValue = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)]);
const pair = z.object({ key: z.string(), value: z.string().default('') });
const pairs = z
  .array(pair)
  .default([])
  .transform((list) => Object.fromEntries(list.map((item) => [item.key, item.value])));
const metric = z.object({
  key: z.string(),
  value: metricValue,
  timestamp: int64.default(0),
  step: int64.default(0),
});

const experimentAnswer = z.object({
  experiment: z.object({ experiment_id: z.string(), lifecycle_stage: z.string().optional() }).optional(),
});

const runSchema = z
  .object({
    info: z.object({
      run_id: z.string(),
      experiment_id: z.string(),
      status: z.enum(['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED']),
      artifact_uri: z.string(),
      start_time: int64.default(0),
      end_time: int64.optional(),
    }),
    data: z.object({ metrics: z.array(metric).default([]), params: pairs, tags: pairs }).prefault({}),
  })
  .transform(({ info, data }): Run => {
    const metrics = Object.fromEntries(data.metrics.map(({ key, value }) => [key, value]));
    return {
      runId: info.run_id,
      experimentId: info.experiment_id,
      status: info.status,
      artifactUri: info.artifact_uri,
      metrics,
      params: data.params,
      tags: data.tags,
      startTimeMs: info.start_time,
      ...(info.end_time === undefined || info.end_time === 0 ? {} : { endTimeMs: info.end_time }),
    };
  });

const runAnswer = z.object({ run: runSchema });
const searchAnswer = z.object({ runs: z.array(runSchema).default([]) });
const historyAnswer = z.object({
  metrics: z.array(metric).default([]),
  next_page_token: z.string().optional(),
});
