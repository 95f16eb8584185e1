/** What is known of an image beside what a network makes of it: for shortcut baselines and subgroups. */
import type { Image } from '@hilum/imaging';
import type { Dataset, DatasetImage } from '../dataset/scan.ts';
import { decoded, readBytes } from '../features/images.ts';

export interface ImageFacts {
  /** Numbers that are no picture, and that a model has to beat: `fileBytes`, `meanGrey`, `pixels`, `diameterMm`. */
  readonly shortcuts: Readonly<Record<string, number>>;
  /** By which samples are parted in the subgroup table: `imageShape`, `diameter`, `rating` and columns of the manifest. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** By the path of the image in the dataset. */
export type FactsByFile = ReadonlyMap<string, ImageFacts>;

export interface FactOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onImage?: (done: number) => void;
}

/** As many as decode at once. */
const AT_ONCE = 8;

/**
 * Reads and decodes some images of a dataset for their facts; covariates of a table of labels are taken over.
 *
 * @param images those of the dataset that are wanted
 * @throws TrainerError UNREADABLE_IMAGE; the reason of the signal
 */
export async function readFactsOf(
  dir: Dataset['dir'],
  images: readonly DatasetImage[],
  { signal, onImage }: FactOptions = {},
): Promise<FactsByFile> {
  const facts = new Map<string, ImageFacts>();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let image = images[next]; image !== undefined; image = images[next]) {
      next += 1;
      signal?.throwIfAborted();
      const bytes = await readBytes(dir, image.file);
      facts.set(image.file, factsOf(image, await decoded(bytes, image.file, signal), bytes.length));
      onImage?.(facts.size);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return facts;
}

/** @param fileBytes of the file as it lies on the disk */
export function factsOf(
  { covariates }: Pick<DatasetImage, 'covariates'>,
  image: Pick<Image, 'rows' | 'columns' | 'pixels'>,
  fileBytes: number,
): ImageFacts {
  const { rows, columns, pixels } = image;
  let sum = 0;
  for (const pixel of pixels) sum += pixel;
  const { diameterMm, rating, columns: more } = covariates ?? {};
  return {
    shortcuts: {
      fileBytes,
      meanGrey: sum / pixels.length,
      pixels: rows * columns,
      ...(diameterMm !== undefined && { diameterMm }),
    },
    attributes: {
      ...more,
      imageShape: `${columns}x${rows}`,
      ...(diameterMm !== undefined && { diameter: diameterBand(diameterMm) }),
      ...(rating !== undefined && { rating: String(rating) }),
    },
  };
}

/** The bounds at which follow-up of a solid nodule changes: Fleischner Society 2017 (6, 8 mm), Lung-RADS (15 mm). */
export function diameterBand(mm: number): string {
  if (mm < 6) return '0 to 6 mm';
  if (mm < 8) return '6 to 8 mm';
  return mm < 15 ? '8 to 15 mm' : '15 mm and more';
}
