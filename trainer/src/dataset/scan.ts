/** A folder `<label>/<patient>/…` of images → what is in it. */
import type { Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { TrainerError } from '../errors.ts';

export interface DatasetImage {
  /** Path relative to the dataset's folder, with forward slashes. */
  readonly file: string;
  readonly label: string;
  /** Name of the folder under the label; the same name under two labels is the same patient. */
  readonly patient: string;
  /** The folder that directly holds the image: a nodule, a series or a patient. */
  readonly unit: string;
  /** What a table of labels says besides. */
  readonly covariates?: Covariates;
}

/** What else is known of an image: for baselines that need no picture, and for figures of subgroups. */
export interface Covariates {
  readonly diameterMm?: number;
  /** Of radiologists, 1 to 5. */
  readonly rating?: number;
  /** Text of the columns that were asked for, where it is not empty. */
  readonly columns?: Readonly<Record<string, string>>;
}

export interface Dataset {
  readonly dir: string;
  /** `hu`: DICOM, Hounsfield units. `grey`: PNG or JPEG. Decided by the files, never mixed. */
  readonly kind: 'hu' | 'grey';
  /** Sorted; the index of a label is its class. */
  readonly labels: readonly string[];
  /** Sorted by `file`. */
  readonly images: readonly DatasetImage[];
  /** Files under the labels that are no images (lists, notes, hidden files). */
  readonly ignored: number;
  /** Images that no row of the table of labels labels: no row of theirs, or a rating between the labels. */
  readonly unlabelled: number;
  /** Hex sha256 of the table of labels, where one says them: no pin of the images has it. */
  readonly labelsSha256?: string;
}

/**
 * Lists the images of a dataset; reads the first bytes of each, decodes none.
 *
 * @throws TrainerError DATASET_MISSING, DATASET_EMPTY, NO_PATIENT_FOLDER, MIXED_KINDS, ONE_CLASS, UNREADABLE_IMAGE
 */
export async function scanDataset(
  dir: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Dataset> {
  const { found, ignored } = await findImages(dir, options.signal);
  if (found.length === 0)
    throw new TrainerError('DATASET_EMPTY', 'no DICOM, PNG or JPEG lies under <label>/<patient>/');
  return assemble(dir, found, { ignored, unlabelled: 0 });
}

export interface FoundImage {
  readonly image: DatasetImage;
  readonly kind: Dataset['kind'];
}

/**
 * The images under the folders of a dataset, in the order of the disk.
 *
 * @throws TrainerError DATASET_MISSING, NO_PATIENT_FOLDER, UNREADABLE_IMAGE
 */
export async function findImages(
  dir: string,
  signal?: AbortSignal,
): Promise<{ readonly found: readonly FoundImage[]; readonly ignored: number }> {
  const labelDirs = (await list(dir, dir)).filter((entry) => entry.isDirectory() && !isHidden(entry.name));
  const found: FoundImage[] = [];
  let ignored = 0;
  for (const label of labelDirs.map((entry) => entry.name)) {
    for await (const file of walk(dir, label)) {
      signal?.throwIfAborted();
      const kind = await kindOf(dir, file);
      if (kind === undefined) ignored += 1;
      else found.push({ image: placeOf(file), kind });
    }
  }
  return { found, ignored };
}

/**
 * A dataset of at least one image, whatever labelled it.
 *
 * @throws TrainerError MIXED_KINDS, ONE_CLASS
 */
export function assemble(
  dir: string,
  found: readonly FoundImage[],
  counts: Pick<Dataset, 'ignored' | 'unlabelled'>,
): Dataset {
  const firsts = new Map<Dataset['kind'], string>();
  for (const { kind, image } of found) if (!firsts.has(kind)) firsts.set(kind, image.file);
  if (firsts.size > 1) {
    const examples = [...firsts.values()].join(' and ');
    throw new TrainerError('MIXED_KINDS', `the dataset mixes DICOM with pictures, for example ${examples}`);
  }
  const [kind] = firsts.keys();
  if (kind === undefined) throw new TrainerError('DATASET_EMPTY');
  const images = found.map(({ image }) => image).toSorted((a, b) => byCodePoint(a.file, b.file));
  const labels = [...new Set(images.map(({ label }) => label))].toSorted(byCodePoint);
  if (labels.length < 2) throw new TrainerError('ONE_CLASS', `every image has the label ${labels.join()}`);
  return { dir, kind, labels, images, ...counts };
}

/** Order that depends on neither locale nor platform. */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Regular files under a folder, relative to `root`; links to files are followed (DVC makes them), to folders not. */
async function* walk(root: string, under: string): AsyncGenerator<string> {
  for (const entry of await list(join(root, under), root)) {
    const path = `${under}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(root, path);
    else if (entry.isFile() || (entry.isSymbolicLink() && (await stat(join(root, path))).isFile()))
      yield path;
  }
}

async function list(dir: string, root: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(dir, { withFileTypes: true });
  } catch (cause) {
    throw new TrainerError('DATASET_MISSING', `${root} is not a folder that can be read`, { cause });
  }
}

function placeOf(file: string): DatasetImage {
  const [label, patient, ...rest] = file.split('/');
  if (label === undefined || patient === undefined || rest.length === 0) {
    throw new TrainerError(
      'NO_PATIENT_FOLDER',
      `${file} lies directly under its label; without <label>/<patient>/ a patient could land on both sides of the split`,
    );
  }
  return { file, label, patient, unit: file.slice(0, file.lastIndexOf('/')) };
}

const KIND_BY_EXTENSION: Readonly<Record<string, Dataset['kind']>> = {
  '.dcm': 'hu',
  '.dicom': 'hu',
  '.png': 'grey',
  '.jpg': 'grey',
  '.jpeg': 'grey',
};

/** By the bytes, whatever the name says; a file that claims to be an image and is none is an error, not a skip. */
export async function kindOf(root: string, file: string): Promise<Dataset['kind'] | undefined> {
  const name = file.slice(file.lastIndexOf('/') + 1);
  if (isHidden(name)) return undefined;
  const claimed = KIND_BY_EXTENSION[extname(name).toLowerCase()];
  const head = await firstBytes(join(root, file));
  if (head.subarray(0, 8).equals(PNG_MAGIC) || head.subarray(0, 3).equals(JPEG_MAGIC)) return 'grey';
  if (head.subarray(128, 132).toString('latin1') === 'DICM') return 'hu';
  // Old DICOM files have no preamble; the decoder has the last word on them.
  if (claimed === 'hu' && head.length > 8) return 'hu';
  if (claimed === undefined) return undefined;
  throw new TrainerError('UNREADABLE_IMAGE', `${file} is named like an image and is none`);
}

const PNG_MAGIC = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const JPEG_MAGIC = Buffer.from([0xff, 0xd8, 0xff]);

async function firstBytes(path: string): Promise<Buffer> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(132), 0, 132, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function isHidden(name: string): boolean {
  return name.startsWith('.');
}
