/** A table of labels that a person names → how it labels the images of a folder. */
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { DatasetImage } from '../dataset/scan.ts';
import { columnsOf, malformed } from './csv.ts';
import { formatManifest } from './manifest.ts';
import { textOf, type LabelSource } from './label.ts';

/**
 * Tells manifest.csv from nodules.csv by their columns, whatever the file is called.
 *
 * Paths of a manifest that lies in `dataDir` or above it count from the manifest, others from `dataDir`.
 *
 * @param columns further ones whose text is kept with each image
 * @throws TrainerError DATASET_MISSING, LABELS_MALFORMED
 */
export async function labelsFrom(
  table: string,
  dataDir: string,
  columns: readonly string[] = [],
): Promise<LabelSource> {
  const there = columnsOf(await textOf(table));
  const has = (...names: readonly string[]): boolean => names.every((name) => there.includes(name));
  if (has('path', 'label', 'group')) {
    const under = folderUnder(dirname(resolve(table)), resolve(dataDir));
    return { from: 'manifest', table, columns, ...(under === undefined ? {} : { under }) };
  }
  if (has('exam_id', 'nodule_id', 'diameter_mm', 'malignancy')) return { from: 'nodules', table, columns };
  throw malformed(
    'it has neither the columns path, label and group of a manifest nor exam_id, nodule_id, diameter_mm and malignancy of nodules',
  );
}

/**
 * The manifest of some images, to be written to `table`: `labelsFrom` finds them by it.
 *
 * @param dataDir folder of the images
 */
export function manifestAt(table: string, dataDir: string, images: readonly DatasetImage[]): string {
  return formatManifest(images, folderUnder(dirname(resolve(table)), resolve(dataDir)));
}

/** The path of a folder from one above it, with forward slashes. */
function folderUnder(above: string, dir: string): string | undefined {
  const path = relative(above, dir);
  const isInside = path !== '' && !isAbsolute(path) && path.split(sep)[0] !== '..';
  return isInside ? path.split(sep).join('/') : undefined;
}
