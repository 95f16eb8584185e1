/** A folder of images with the labels that folders or a table give them. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { assemble, findImages, kindOf, scanDataset, type Dataset, type FoundImage } from '../dataset/scan.ts';
import { TrainerError } from '../errors.ts';
import { malformed } from './csv.ts';
import { covariatesOf, parseManifest, type ManifestOptions } from './manifest.ts';
import { parseNodules, type Nodule, type RatingRule } from './nodules.ts';

export type LabelSource =
  /** `<label>/<patient>/…` */
  | { readonly from: 'folders' }
  /** A row for each image; files that no row names are left out. */
  | ({ readonly from: 'manifest'; readonly table: string } & ManifestOptions)
  /** `<label>/<exam>/<nodule>/…`, and a row for each nodule: its rating gives the label, whatever the folder says. */
  | ({ readonly from: 'nodules'; readonly table: string; readonly rule?: RatingRule } & Pick<
      ManifestOptions,
      'columns'
    >);

/**
 * Lists the images of a dataset with label, group and what else is known of them; decodes none.
 *
 * @throws TrainerError LABELS_MALFORMED, and what `scanDataset` throws
 */
export async function labelDataset(
  dir: string,
  source: LabelSource,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Dataset> {
  if (source.from === 'folders') return scanDataset(dir, { signal });
  const text = await textOf(source.table);
  const dataset =
    source.from === 'manifest'
      ? await byManifest({ dir, text, signal }, source)
      : await byNodules({ dir, text, signal }, source);
  return { ...dataset, labelsSha256: createHash('sha256').update(text).digest('hex') };
}

interface Labelling {
  readonly dir: string;
  readonly text: string;
  readonly signal: AbortSignal | undefined;
}

async function byManifest({ dir, text, signal }: Labelling, options: ManifestOptions): Promise<Dataset> {
  const found: FoundImage[] = [];
  for (const { line, ...image } of parseManifest(text, options)) {
    signal?.throwIfAborted();
    found.push({ image, kind: await kindOfRow(dir, image.file, line) });
  }
  if (found.length === 0) throw new TrainerError('DATASET_EMPTY', 'the table of labels names no image');
  return assemble(dir, found, { ignored: 0, unlabelled: 0 });
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
  { dir, text, signal }: Labelling,
  { rule, columns }: Extract<LabelSource, { readonly from: 'nodules' }>,
): Promise<Dataset> {
  const nodules = new Map(parseNodules(text, rule, columns).map((nodule) => [keyOf(nodule), nodule]));
  const { found, ignored } = await findImages(dir, signal);
  const labelled = found.flatMap(({ image, kind }) => {
    const [, exam = '', nodule = ''] = image.file.split('/');
    const row = nodules.get(keyOf({ exam, nodule }));
    if (row?.label === undefined) return [];
    const covariates = covariatesOf(row);
    return [{ kind, image: { ...image, label: row.label, ...(covariates && { covariates }) } }];
  });
  if (labelled.length === 0) {
    throw malformed('no image lies in the folder <exam>/<nodule> of a row that has a label');
  }
  return assemble(dir, labelled, { ignored, unlabelled: found.length - labelled.length });
}

function keyOf({ exam, nodule }: Pick<Nodule, 'exam' | 'nodule'>): string {
  return `${exam}/${nodule}`;
}

/** @throws TrainerError DATASET_MISSING, LABELS_MALFORMED */
export async function textOf(path: string): Promise<string> {
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
