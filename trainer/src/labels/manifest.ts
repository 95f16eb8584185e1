/** manifest.csv: one row for each image, with its label and the group that must not be divided. Pure. */
import { z } from 'zod';
import type { DatasetImage } from '../dataset/scan.ts';
import { decimal, malformed, readTable } from './csv.ts';

/** What else is known of an image, for baselines that need no picture. */
export interface Covariates {
  readonly diameterMm?: number;
  /** Of radiologists, 1 to 5. */
  readonly rating?: number;
}

export interface LabelledImage extends DatasetImage {
  readonly covariates?: Covariates;
}

export interface ManifestOptions {
  /** A folder; rows of other folders are passed over, and paths count from it. */
  readonly under?: string;
}

export interface ManifestRow extends LabelledImage {
  readonly line: number;
}

/**
 * Columns `path`, `label`, `group`; where present `unit` (a nodule or series, else what a group has of one label),
 * `diameter_mm` and `rating` (each may be empty). Others are passed over.
 *
 * @throws TrainerError LABELS_MALFORMED
 */
export function parseManifest(text: string, { under }: ManifestOptions = {}): readonly ManifestRow[] {
  const prefix = under === undefined ? '' : `${under.replace(/\/+$/, '')}/`;
  const lines = new Map<string, number>();
  const images: ManifestRow[] = [];
  for (const { line, row } of readTable(text, rowSchema)) {
    if (!row.path.startsWith(prefix)) continue;
    const file = row.path.slice(prefix.length);
    const before = lines.get(file);
    if (before !== undefined) throw malformed(`lines ${before} and ${line} are of one image, ${file}`);
    lines.set(file, line);
    const { label, group } = row;
    const unit = row.unit === undefined || row.unit === '' ? `${label}/${group}` : row.unit;
    const covariates = covariatesOf(row.diameter_mm, row.rating);
    images.push({ line, file, label, patient: group, unit, ...(covariates && { covariates }) });
  }
  return images;
}

export function covariatesOf(
  diameterMm: number | undefined,
  rating: number | undefined,
): Covariates | undefined {
  if (diameterMm === undefined && rating === undefined) return undefined;
  return { ...(diameterMm !== undefined && { diameterMm }), ...(rating !== undefined && { rating }) };
}

const optional = <T>(schema: z.ZodType<T, string>) =>
  z.union([z.literal('').transform(() => undefined), schema]).optional();

/** A row may name nothing outside of the dataset's folder. */
const relativePath = z
  .string()
  .min(1)
  .refine((path) => !/^\/|\\|^[A-Za-z]:|\0/.test(path), 'not a relative path with forward slashes')
  .refine((path) => path.split('/').every((name) => !['', '.', '..'].includes(name)), 'leaves its folder');

const rowSchema = z.object({
  path: relativePath,
  label: z.string().min(1),
  group: z.string().min(1),
  unit: z.string().optional(),
  diameter_mm: optional(decimal.pipe(z.number().positive())),
  rating: optional(decimal.pipe(z.number().min(1).max(5))),
});
