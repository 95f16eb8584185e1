/** A folder of images with the labels that folders or a table give them. */
import { readFile } from 'node:fs/promises';
import { byCodePoint, kindOf, scanDataset, type Dataset } from '../dataset/scan.ts';
import { TrainerError } from '../errors.ts';
import { malformed } from './csv.ts';
import { covariatesOf, parseManifest, type LabelledImage, type ManifestOptions } from './manifest.ts';
import { parseNodules, type Nodule, type RatingRule } from './nodules.ts';

export type LabelSource =
  /** `<label>/<patient>/…` */
  | { readonly from: 'folders' }
  /** A row for each image; files that no row names are left out. */
  | ({ readonly from: 'manifest'; readonly table: string } & ManifestOptions)
  /** `<label>/<exam>/<nodule>/…`, and a row for each nodule: its rating gives the label, whatever the folder says. */
  | { readonly from: 'nodules'; readonly table: string; readonly rule?: RatingRule };

export interface LabelledDataset extends Dataset {
  readonly images: readonly LabelledImage[];
  /** Images that no row of the table labels: no row of theirs, or a rating between the labels. */
  readonly unlabelled: number;
}

/**
 * Lists the images of a dataset with label, group and what else is known of them; decodes none.
 *
 * @throws TrainerError LABELS_MALFORMED, and what `scanDataset` throws
 */
export async function labelDataset(
  dir: string,
  source: LabelSource,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<LabelledDataset> {
  switch (source.from) {
    case 'folders':
      return { ...(await scanDataset(dir, signal && { signal })), unlabelled: 0 };
    case 'manifest':
      return byManifest(dir, source, signal);
    default:
      return byNodules(dir, source, signal);
  }
}

async function byManifest(
  dir: string,
  source: Extract<LabelSource, { readonly from: 'manifest' }>,
  signal: AbortSignal | undefined,
): Promise<LabelledDataset> {
  const images: LabelledImage[] = [];
  const kinds = new Map<Dataset['kind'], string>();
  for (const { line, ...image } of parseManifest(await textOf(source.table), source)) {
    signal?.throwIfAborted();
    const kind = await kindOfRow(dir, image.file, line);
    if (!kinds.has(kind)) kinds.set(kind, image.file);
    images.push(image);
  }
  const [kind] = kinds.keys();
  if (kind === undefined) throw new TrainerError('DATASET_EMPTY', 'the table of labels names no image');
  if (kinds.size > 1) {
    throw new TrainerError(
      'MIXED_KINDS',
      `the table of labels mixes DICOM with pictures, for example ${[...kinds.values()].join(' and ')}`,
    );
  }
  return labelled({ dir, kind, ignored: 0 }, images, 0);
}

async function kindOfRow(dir: string, file: string, line: number): Promise<Dataset['kind']> {
  let kind: Dataset['kind'] | undefined;
  try {
    kind = await kindOf(dir, file);
  } catch (cause) {
    if (cause instanceof TrainerError) throw cause;
    throw new TrainerError(
      'DATASET_MISSING',
      `line ${line} of the labels names ${file}, which is not there`,
      {
        cause,
      },
    );
  }
  if (kind === undefined) throw malformed(`line ${line} names ${file}, which is no image`);
  return kind;
}

async function byNodules(
  dir: string,
  source: Extract<LabelSource, { readonly from: 'nodules' }>,
  signal: AbortSignal | undefined,
): Promise<LabelledDataset> {
  const nodules = new Map(
    parseNodules(await textOf(source.table), source.rule).map((nodule) => [keyOf(nodule), nodule]),
  );
  const dataset = await scanDataset(dir, signal && { signal });
  const images = dataset.images.flatMap((image) => {
    const [, exam = '', nodule = ''] = image.file.split('/');
    const row = nodules.get(keyOf({ exam, nodule }));
    if (row?.label === undefined) return [];
    const covariates = covariatesOf(row.diameterMm, row.rating);
    return [{ ...image, label: row.label, ...(covariates && { covariates }) }];
  });
  if (images.length === 0) {
    throw malformed('no image lies in the folder <exam>/<nodule> of a row that has a label');
  }
  return labelled(dataset, images, dataset.images.length - images.length);
}

function keyOf({ exam, nodule }: Pick<Nodule, 'exam' | 'nodule'>): string {
  return `${exam}/${nodule}`;
}

function labelled(
  { dir, kind, ignored }: Pick<Dataset, 'dir' | 'kind' | 'ignored'>,
  images: readonly LabelledImage[],
  unlabelled: number,
): LabelledDataset {
  const labels = [...new Set(images.map(({ label }) => label))].toSorted(byCodePoint);
  if (labels.length < 2) throw new TrainerError('ONE_CLASS', `every image has the label ${labels.join()}`);
  const sorted = images.toSorted((a, b) => byCodePoint(a.file, b.file));
  return { dir, kind, ignored, labels, images: sorted, unlabelled };
}

async function textOf(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new TrainerError('DATASET_MISSING', 'the table of labels cannot be read', { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw malformed('it is not UTF-8', cause);
  }
}
