/** Cuts what is to be logged into requests that MLflow takes whole. Pure. */
import { MlflowError } from './errors.ts';

export interface MetricPoint {
  readonly key: string;
  readonly value: number;
  /** Milliseconds since 1970. Fixed by the caller, so that a repeated request stores nothing twice. */
  readonly timestampMs: number;
  readonly step: number;
  /** The logged model that it is a figure of; only where the server has logged models. */
  readonly modelId?: string;
  /** The dataset input of the run that it was measured on; only where the server has logged models. */
  readonly dataset?: { readonly name: string; readonly digest: string };
}

export interface RunData {
  readonly metrics?: readonly MetricPoint[];
  readonly params?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

interface WireMetric {
  readonly key: string;
  /** JSON has no NaN; MLflow reads its name. */
  readonly value: number | string;
  readonly timestamp: number;
  readonly step: number;
  readonly model_id?: string;
  readonly dataset_name?: string;
  readonly dataset_digest?: string;
}

export interface Batch {
  readonly metrics: readonly WireMetric[];
  readonly params: readonly KeyValue[];
  readonly tags: readonly KeyValue[];
}

// mlflow/utils/validation.py of 3.17. Beyond a count or the size MLflow refuses the request; beyond the length of a
// value it cuts the value and says nothing, so we refuse.
export const LIMITS = {
  items: 1000,
  params: 100,
  tags: 100,
  requestBytes: 900_000, // of 1,000,000, with room for the frame
  keyLength: 250,
  paramLength: 6000,
  tagLength: 8000,
} as const;

/** @returns no batch at all when there is nothing to log; otherwise params first, then tags, then metrics */
export function batchesOf(data: RunData): Batch[] {
  const batches: Batch[] = [];
  let draft = emptyDraft();
  const place = <K extends keyof Batch>(kind: K, item: Batch[K][number], limit: number): void => {
    const bytes = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (
      draft.items >= LIMITS.items ||
      draft[kind].length >= limit ||
      draft.bytes + bytes > LIMITS.requestBytes
    ) {
      draft = emptyDraft();
    }
    if (draft.items === 0) batches.push(draft);
    (draft[kind] as Batch[K][number][]).push(item);
    draft.items += 1;
    draft.bytes += bytes;
  };
  for (const item of keyValues(data.params, 'parameter', LIMITS.paramLength))
    place('params', item, LIMITS.params);
  for (const item of keyValues(data.tags, 'tag', LIMITS.tagLength)) place('tags', item, LIMITS.tags);
  for (const point of data.metrics ?? []) place('metrics', wireMetric(point), LIMITS.items);
  return batches.map(({ metrics, params, tags }) => ({ metrics, params, tags }));
}

/** The list form of a record that MLflow wants; refuses what MLflow would cut. */
export function keyValues(
  record: Readonly<Record<string, string>> | undefined,
  what: string,
  longest: number,
): KeyValue[] {
  return Object.entries(record ?? {}).map(([key, value]) => {
    // Python counts code points, and JavaScript counts at least as many units: we never allow more than MLflow.
    if (value.length > longest) {
      throw new MlflowError(
        'LIMIT_EXCEEDED',
        `${what} ${key}: ${value.length} characters, MLflow keeps ${longest}`,
      );
    }
    return { key: checkedKey(key, what), value };
  });
}

interface Draft {
  readonly metrics: WireMetric[];
  readonly params: KeyValue[];
  readonly tags: KeyValue[];
  items: number;
  bytes: number;
}

function emptyDraft(): Draft {
  return { metrics: [], params: [], tags: [], items: 0, bytes: 0 };
}

function wireMetric(point: MetricPoint): WireMetric {
  const value = Number.isFinite(point.value) ? point.value : String(point.value);
  const { modelId, dataset } = point;
  return {
    key: checkedKey(point.key, 'metric'),
    value,
    timestamp: point.timestampMs,
    step: point.step,
    ...(modelId === undefined ? {} : { model_id: modelId }),
    ...(dataset === undefined ? {} : { dataset_name: dataset.name, dataset_digest: dataset.digest }),
  };
}

function checkedKey(key: string, what: string): string {
  if (key.length <= LIMITS.keyLength) return key;
  throw new MlflowError('LIMIT_EXCEEDED', `a ${what}'s name has ${key.length} characters, MLflow takes 250`);
}
