/** What one line of the ledger says. Canonical JSON: no pixels, no file names, no words of a header. */
import { createHash } from 'node:crypto';
import { z } from 'zod';

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** Of the entry that comes before the first one. */
export const GENESIS = '0'.repeat(64);

const engineSchema = z.strictObject({
  engine: z.enum(['onnxruntime', 'tensorflow', 'wasm']),
  version: z.string(),
  precision: z.enum(['float32', 'int8']),
  device: z.enum(['cpu', 'gpu']),
  threads: z.int().positive(),
  /** Images that were computed together with this one, itself counted. */
  batch: z.int().positive(),
});

/** Of each answer. */
const request = {
  requestId: z.string(),
  /** The name of the caller's key, never the key; null where the server is open. */
  caller: z.string().nullable(),
  route: z.string(),
  model: z.strictObject({ name: z.string(), version: z.string().nullable(), digest }),
  contract: digest,
  /** What the answer said of it; null where it gave the bare output. */
  outcome: z.string().nullable(),
  label: z.string().nullable(),
};

const imageSchema = z.strictObject({
  kind: z.literal('image'),
  ...request,
  /** The file whose pixels these were; null where the client sent the tensor itself. */
  input: z.strictObject({ sha256: hex, frame: z.int().nonnegative() }).nullable(),
  /** sha256 of the input of the network: float32, little-endian. */
  tensor: hex,
  engine: engineSchema,
  /** Of the network, float32, little-endian, in hex: one per label. */
  output: z.string().regex(/^([0-9a-f]{8})+$/),
});

const seriesSchema = z.strictObject({
  kind: z.literal('series'),
  ...request,
  /** The entries of its slices. */
  slices: z.strictObject({ first: z.int().positive(), count: z.int().positive() }),
});

/** A server was killed while it wrote: what stood behind the last whole line was cut off. */
const repairSchema = z.strictObject({
  kind: z.literal('repair'),
  bytes: z.int().positive(),
  sha256: hex,
});

const place = {
  v: z.literal(1),
  seq: z.int().positive(),
  time: z.iso.datetime(),
  previous: hex,
  hash: hex,
};

export const entrySchema = z.discriminatedUnion('kind', [
  imageSchema.extend(place),
  seriesSchema.extend(place),
  repairSchema.extend(place),
]);

export type Entry = z.infer<typeof entrySchema>;
export type ImageEntry = Extract<Entry, { kind: 'image' }>;

/** Before it has its place. A series names how many of the entries before it are its slices. */
export type NewEntry =
  | z.infer<typeof imageSchema>
  | (Omit<z.infer<typeof seriesSchema>, 'slices'> & { readonly sliceCount: number })
  | z.infer<typeof repairSchema>;

/** Where the chain ends. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** The next entry and its line, without the line feed. */
export function seal(
  entry: NewEntry,
  after: Head,
  time: string,
): { readonly line: string; readonly head: Head } {
  const seq = after.seq + 1;
  const body = { v: 1, seq, time, previous: after.hash, ...placed(entry, seq) };
  const hash = hashOf(body);
  return { line: canonicalJson({ ...body, hash }), head: { seq, hash } };
}

/** sha256 of the canonical JSON of an entry without its `hash`. */
export function hashOf(entry: object): string {
  const { hash: _, ...body } = entry as { hash?: unknown };
  return sha256(canonicalJson(body));
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Keys sorted, no white space; the same text for the same value. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function placed(entry: NewEntry, seq: number): object {
  if (entry.kind !== 'series') return entry;
  const { sliceCount: count, ...rest } = entry;
  return { ...rest, slices: { first: seq - count, count } };
}
