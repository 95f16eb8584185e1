/** A split as a file: which image is on which side, and the digest by which a run names it. */
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { TrainerError } from '../errors.ts';
import { byCodePoint, type DatasetImage } from './scan.ts';

/** Every image of a dataset on one side: `train`, `validation` and `test`, or one of the folds. */
export interface SplitRecord {
  readonly version: 2;
  readonly seed: number;
  /** What is never divided. */
  readonly by: 'patient';
  /** The part of the patients that was asked for, of every side. */
  readonly fractions: Readonly<Record<string, number>>;
  /** Image, by its path in the dataset → its side. */
  readonly sides: Readonly<Record<string, string>>;
  /** Patient → its side: another image of a patient of the training side is no test. */
  readonly patients: Readonly<Record<string, string>>;
}

interface Sided {
  readonly seed: number;
  readonly images: readonly Pick<DatasetImage, 'file' | 'patient'>[];
  /** Names of patients by side. */
  readonly patients: Readonly<Record<string, readonly string[]>>;
  readonly fractions: Readonly<Record<string, number>>;
}

/** The record of a split by patient, of `splitByPatient` or, with a name for every fold, of `foldsByPatient`. */
export function recordSplit({ seed, images, patients, fractions }: Sided): SplitRecord {
  const sideOf = new Map(
    Object.entries(patients).flatMap(([side, names]) => names.map((name) => [name, side] as const)),
  );
  const sides = images.map(({ file, patient }) => {
    const side = sideOf.get(patient);
    if (side === undefined) throw new RangeError('the split does not place every patient');
    return [file, side] as const;
  });
  return {
    version: 2,
    seed,
    by: 'patient',
    fractions,
    sides: Object.fromEntries(sides),
    patients: Object.fromEntries(sideOf),
  };
}

/** Hex sha256 of the record in its one canonical form: no white space, keys sorted by code point. */
export function splitDigest(record: SplitRecord): string {
  return createHash('sha256').update(canonical(record)).digest('hex');
}

/** Writes the record, whole or not at all, with its digest in it; gives the digest. The same record has the same bytes. */
export async function writeSplit(path: string, record: SplitRecord): Promise<string> {
  const unfinished = `${path}.part`;
  await writeFile(unfinished, splitText(record));
  await rename(unfinished, path);
  return splitDigest(record);
}

/** What `writeSplit` writes. */
export function splitText(record: SplitRecord): string {
  return `${JSON.stringify(sorted({ ...record, sha256: splitDigest(record) }), undefined, 1)}\n`;
}

/**
 * Reads a record back. What was changed after it was written is refused; with `sha256`, so is any record but that one;
 * with `images`, so is one of other images or that has grouped them otherwise.
 *
 * @throws TrainerError SPLIT_MISSING, SPLIT_MALFORMED
 */
export async function readSplit(
  path: string,
  want: {
    readonly sha256?: string;
    readonly images?: readonly Pick<DatasetImage, 'file' | 'patient'>[];
  } = {},
): Promise<SplitRecord> {
  const { sha256, ...record } = parse(await textOf(path));
  const digest = splitDigest(record);
  if (digest !== sha256) throw malformedSplit('it was changed after it was recorded: its digest is another');
  if (want.sha256 !== undefined && want.sha256 !== digest) {
    throw malformedSplit(`its digest is ${digest}, not ${want.sha256}`);
  }
  if (want.images !== undefined) refuseOtherImages(record, want.images);
  return record;
}

const recordSchema = z
  .strictObject({
    version: z.literal(2),
    seed: z.int(),
    by: z.literal('patient'),
    fractions: z.record(z.string().min(1), z.number().positive().max(1)),
    sides: z.record(z.string().min(1), z.string()),
    patients: z.record(z.string().min(1), z.string()),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  })
  .refine(
    ({ fractions, sides, patients }) =>
      [...Object.values(sides), ...Object.values(patients)].every((side) => Object.hasOwn(fractions, side)),
    { message: 'an image or a patient is on a side that has no fraction' },
  );

function parse(text: string): z.infer<typeof recordSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformedSplit('it is not JSON', cause);
  }
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw malformedSplit(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'}`, parsed.error);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new TrainerError('SPLIT_MISSING', 'the file of the recorded split cannot be read', { cause });
  }
}

function refuseOtherImages(
  { sides, patients }: SplitRecord,
  images: readonly Pick<DatasetImage, 'file' | 'patient'>[],
): void {
  const files = new Set(images.map(({ file }) => file));
  const unplaced = [...files].filter((file) => !Object.hasOwn(sides, file));
  const gone = Object.keys(sides).filter((file) => !files.has(file));
  const [first] = [...unplaced, ...gone];
  if (first !== undefined) {
    throw malformedSplit(
      `it is of another dataset: ${unplaced.length} image(s) have no side and ${gone.length} are not there, for example ${first}`,
    );
  }
  const moved = images.find(({ file, patient }) => patients[patient] !== sides[file]);
  if (moved === undefined) return;
  throw malformedSplit(
    `it was made by other groups: the patient of ${moved.file} is on another side, or on none`,
  );
}

/** An error of a recorded split. */
export function malformedSplit(what: string, cause?: unknown): TrainerError {
  return new TrainerError('SPLIT_MALFORMED', `the recorded split is refused: ${what}`, { cause });
}

function canonical(record: SplitRecord): string {
  return JSON.stringify(sorted(record));
}

/** The same value with the keys of every object in order. Lists are none of a record's. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => byCodePoint(a, b));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
