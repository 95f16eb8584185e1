/** How inputs and scores were distributed where a model learnt: `training/reference.json`, for a server to compare with. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PackageError } from '../errors.ts';
import type { PackageInfo } from '../package/metadata.ts';
import { INPUT_STATISTICS } from './statistics.ts';

/** In a package; only where the manifest lists it. */
export const REFERENCE_PATH = 'training/reference.json';

/** `score`: the probability of the positive label, as the network gives it. */
export const REFERENCE_STATISTICS = [...INPUT_STATISTICS, 'score'] as const;
export type ReferenceStatistic = (typeof REFERENCE_STATISTICS)[number];

const histogramSchema = z
  .strictObject({
    /** Ascending, all different: bin `k` holds values above `edges[k - 1]`, up to and with `edges[k]`. */
    edges: z.array(z.number()).max(64),
    /** One more than edges. */
    counts: z.array(z.int().nonnegative()).min(1).max(65),
  })
  .refine(({ edges, counts }) => counts.length === edges.length + 1, 'there is one count more than edges')
  .refine(
    ({ edges }) => edges.every((edge, at) => at === 0 || edge > (edges[at - 1] ?? edge)),
    'edges ascend',
  )
  .refine(({ counts }) => counts.some((count) => count > 0), 'a histogram of nothing');

type Histogram = Readonly<{ edges: readonly number[]; counts: readonly number[] }>;

const referenceSchema = z.strictObject({
  version: z.literal(1),
  note: z.string(),
  statistics: z.partialRecord(z.enum(REFERENCE_STATISTICS), histogramSchema),
});

export interface Reference {
  readonly version: 1;
  readonly note: string;
  readonly statistics: Readonly<Partial<Record<ReferenceStatistic, Histogram>>>;
}

/**
 * By quantiles, so that each bin holds about as many; where many values are the same, such as no saturated pixel at all,
 * there are fewer bins.
 *
 * @param values at least one, none NaN
 */
export function histogramOf(values: readonly number[], bins = 10): Histogram {
  const sorted = values.toSorted((a, b) => a - b);
  const quantiles = Array.from(
    { length: bins - 1 },
    (_, at) => sorted[Math.ceil(((at + 1) * sorted.length) / bins) - 1] ?? 0,
  );
  const edges = [...new Set(quantiles)];
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  for (const value of values) {
    const bin = binOf(value, edges);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { edges, counts };
}

/** The bin of a value: as many edges are below it. */
export function binOf(value: number, edges: readonly number[]): number {
  let bin = 0;
  while (bin < edges.length && value > (edges[bin] ?? 0)) bin += 1;
  return bin;
}

/** undefined where a package carries none. Throws PackageError PACKAGE_INVALID. */
export async function readReference({ dir, files }: PackageInfo): Promise<Reference | undefined> {
  if (!files.some(({ path }) => path === REFERENCE_PATH)) return undefined;
  try {
    return referenceSchema.parse(JSON.parse(await readFile(join(dir, REFERENCE_PATH), 'utf8')));
  } catch (cause) {
    throw new PackageError('PACKAGE_INVALID', `${REFERENCE_PATH} of ${dir} cannot be read`, { cause });
  }
}
