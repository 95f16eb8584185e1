/** manifest.csv: one row for each image, with its label and the group that must not be divided. Pure. */
import { z } from 'zod';
import { byCodePoint, type Covariates, type DatasetImage } from '../dataset/scan.ts';
import { decimal, malformed, readTable } from './csv.ts';

export interface ManifestOptions {
  /** A folder; rows of other folders are passed over, and paths count from it. */
  readonly under?: string;
  /** Other columns whose text is kept with each image. */
  readonly columns?: readonly string[];
}

export interface ManifestRow extends DatasetImage {
  readonly line: number;
}

/**
 * Columns `path`, `label`, `group`; where present `unit` (a nodule or series, else what a group has of one label),
 * `diameter_mm` and `rating` (each may be empty). Others are passed over, but for those in `columns`.
 *
 * @throws TrainerError LABELS_MALFORMED
 */
export function parseManifest(
  text: string,
  { under, columns = [] }: ManifestOptions = {},
): readonly ManifestRow[] {
  const prefix = under === undefined ? '' : `${under.replace(/\/+$/, '')}/`;
  const lines = new Map<string, number>();
  const images: ManifestRow[] = [];
  for (const { line, row, kept } of readTable(text, rowSchema, columns)) {
    if (!row.path.startsWith(prefix)) continue;
    const file = row.path.slice(prefix.length);
    const before = lines.get(file);
    if (before !== undefined) throw malformed(`lines ${before} and ${line} are of one image, ${file}`);
    lines.set(file, line);
    const { label, group } = row;
    const unit = row.unit === undefined || row.unit === '' ? `${label}/${group}` : row.unit;
    const covariates = covariatesOf({ diameterMm: row.diameter_mm, rating: row.rating, columns: kept });
    images.push({ line, file, label, patient: group, unit, ...(covariates && { covariates }) });
  }
  return images;
}

/**
 * The table that `parseManifest` reads back: whatever labelled and grouped the images, it now says so.
 *
 * @param under the folder that paths count from, if not from the images
 */
export function formatManifest(images: readonly DatasetImage[], under?: string): string {
  const names = new Set(images.flatMap(({ covariates }) => Object.keys(covariates?.columns ?? {})));
  const columns = [...names].toSorted(byCodePoint);
  const prefix = under === undefined ? '' : `${under}/`;
  const rows = images.map(({ file, label, patient, unit, covariates: known }) => [
    `${prefix}${file}`,
    label,
    patient,
    unit,
    String(known?.diameterMm ?? ''),
    String(known?.rating ?? ''),
    ...columns.map((column) => known?.columns?.[column] ?? ''),
  ]);
  const header = ['path', 'label', 'group', 'unit', 'diameter_mm', 'rating', ...columns];
  return [header, ...rows].map((cells) => `${cells.map(quoted).join(',')}\n`).join('');
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** What is known of the three, or undefined where nothing is. */
export function covariatesOf({
  diameterMm,
  rating,
  columns,
}: {
  readonly diameterMm: number | undefined;
  readonly rating: number | undefined;
  readonly columns: Readonly<Record<string, string>>;
}): Covariates | undefined {
  const known = {
    ...(diameterMm !== undefined && { diameterMm }),
    ...(rating !== undefined && { rating }),
    ...(Object.keys(columns).length > 0 && { columns }),
  };
  return Object.keys(known).length === 0 ? undefined : known;
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
