/** What is told to MLflow, one thing an entry: with its time and its names fixed, so that telling it twice is telling it once. */
import { z } from 'zod';

const texts = z.record(z.string(), z.string());
// JSON knows no NaN.
const figure = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)]);

const point = z.object({ key: z.string(), value: figure, step: z.int(), timestampMs: z.int() });
const points = z.array(point).readonly();
const dataset = z.object({ name: z.string(), digest: z.string() });

/** `run` is MLflow's id of the run, or `local-…` for one that MLflow has not heard of yet. */
const of = { run: z.string() };

const entrySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('open'),
    ...of,
    experiment: z.string(),
    name: z.string(),
    startTimeMs: z.int(),
    tags: texts,
    /** A run with all of these tags is this one. */
    find: texts,
    parent: z.string().optional(),
  }),
  z.object({ kind: z.literal('params'), ...of, params: texts }),
  z.object({ kind: z.literal('tags'), ...of, tags: texts }),
  z.object({
    kind: z.literal('dataset'),
    ...of,
    dataset: dataset.extend({ sourceType: z.string(), source: z.string() }),
  }),
  z.object({
    kind: z.literal('metrics'),
    ...of,
    points,
    /** The last of `points`: where the run has this metric at this step already, an earlier try told all of them. */
    mark: z.string().optional(),
    /** Of the machine: given up first where the disk has no room. */
    system: z.boolean().optional(),
  }),
  z.object({
    kind: z.literal('file'),
    ...of,
    path: z.string(),
    /** Name of a copy in the spool; or, for a large file, where it lies. */
    kept: z.string().optional(),
    lies: z.string().optional(),
  }),
  z.object({
    kind: z.literal('package'),
    ...of,
    dir: z.string(),
    digest: z.string(),
    points,
    dataset: dataset.optional(),
  }),
  z.object({
    kind: z.literal('register'),
    ...of,
    model: z.string(),
    alias: z.string().optional(),
    digest: z.string(),
    tags: texts,
  }),
  z.object({
    kind: z.literal('end'),
    ...of,
    status: z.enum(['FINISHED', 'FAILED', 'KILLED']),
    endTimeMs: z.int(),
  }),
]);

export type Entry = z.infer<typeof entrySchema>;
export type EntryOf<Kind extends Entry['kind']> = Extract<Entry, { kind: Kind }>;
export type Point = z.infer<typeof point>;

/** An entry on its way, in the order in which it was told. */
export interface Numbered {
  readonly seq: number;
  readonly entry: Entry;
  /** Of its line and of what it keeps beside it. */
  readonly bytes: number;
}

const lineSchema = z.object({ seq: z.int().min(1), bytes: z.int().min(0), entry: entrySchema });

export function pointsOf(
  step: number,
  values: Readonly<Record<string, number>>,
  timestampMs: number,
): Point[] {
  return Object.entries(values).map(([key, value]) => {
    return { key, value, step, timestampMs: Math.round(timestampMs) };
  });
}

export function isSystem({ entry }: Numbered): boolean {
  return entry.kind === 'metrics' && entry.system === true;
}

export function encodeLine(numbered: Numbered): string {
  return JSON.stringify(numbered, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}

/** @returns undefined for what is not such a line */
export function decodeLine(text: string): Numbered | undefined {
  try {
    return lineSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
