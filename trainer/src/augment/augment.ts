/** Changed copies of training images: what another position of the patient and another dose would have shown. */
import type { GreyImage, HuImage, Image } from '@hilum/imaging';
import { seededRandom } from '../random.ts';
import type { AugmentationRecipe } from '../recipe.ts';
import { moved, type Movement } from './affine.ts';

export interface CopyOf {
  readonly seed: number;
  /** From 1; copy 0 is the image itself. */
  readonly copy: number;
  /** Of the file's bytes: equal images have equal copies, whatever their names and their order. */
  readonly imageDigest: string;
}

/**
 * A changed copy of a decoded image: turned, scaled, shifted and noisier, each by a random amount up to the recipe's.
 * A function of its arguments alone. Size, spacing and every other fact stay those of the image.
 *
 * The chest is never mirrored nor turned by quarters: in a mirrored chest the heart is on the right, and a network that
 * has learned from it takes a rare anomaly for the rule.
 *
 * @returns the very image where nothing of the recipe changes pixels
 */
export function augmented(
  image: Image,
  recipe: AugmentationRecipe,
  { seed, copy, imageDigest }: CopyOf,
): Image {
  if (copy === 0 || !changesPixels(recipe)) return image;
  const random = seededRandom('augment', seed, copy, imageDigest);
  const movement = drawn(recipe, image, random);
  const pixels = isStill(movement)
    ? Float32Array.from(image.pixels)
    : moved({ ...image, aspect: aspectOf(image) }, movement);
  return image.kind === 'hu'
    ? withHu(image, noisy(pixels, recipe.noise, HU, random))
    : withLevels(image, noisy(pixels, recipe.noise * levelsPerGrey(image), levelRange(image), random));
}

/** Whether copies differ from the image: a recipe of zeros is none. */
export function changesPixels(recipe: AugmentationRecipe): boolean {
  return recipe.rotationDegrees > 0 || recipe.shiftPercent > 0 || recipe.scalePercent > 0 || recipe.noise > 0;
}

/** Always four numbers, so that one setting can be changed without another copy's noise. */
function drawn(recipe: AugmentationRecipe, { rows, columns }: Image, random: () => number): Movement {
  const upTo = (most: number): number => (2 * random() - 1) * most;
  return {
    radians: (upTo(recipe.rotationDegrees) * Math.PI) / 180,
    scale: 1 + upTo(recipe.scalePercent) / 100,
    shiftRows: (upTo(recipe.shiftPercent) / 100) * rows,
    shiftColumns: (upTo(recipe.shiftPercent) / 100) * columns,
  };
}

function isStill({ radians, scale, shiftRows, shiftColumns }: Movement): boolean {
  return radians === 0 && scale === 1 && shiftRows === 0 && shiftColumns === 0;
}

function aspectOf(image: Image): number {
  if (image.kind !== 'hu' || image.pixelSpacing === undefined) return 1;
  const [betweenRows, betweenColumns] = image.pixelSpacing;
  return betweenRows / betweenColumns;
}

interface Range {
  readonly low: number;
  readonly high: number;
}

// As decodeImage clips them.
const HU: Range = { low: -1024, high: 3071 };

function levelRange({ bits }: GreyImage): Range {
  return { low: 0, high: bits === 16 ? 65_535 : 255 };
}

/** Noise is asked for in levels of 255, whatever the depth. */
function levelsPerGrey({ bits }: GreyImage): number {
  return bits === 16 ? 257 : 1;
}

/**
 * Adds normal noise in place, within the range. What lies at the very bottom stays there: padding outside of the
 * scanned circle and the black around a crop were never measured, so that no dose makes them noisy.
 */
function noisy(
  pixels: Float32Array,
  deviation: number,
  { low, high }: Range,
  random: () => number,
): Float32Array {
  if (deviation === 0) return pixels;
  const next = normal(random);
  for (let at = 0; at < pixels.length; at += 1) {
    const value = pixels[at] ?? low;
    // Drawn for every pixel, so that the noise of one does not hang on the values of others.
    const added = deviation * next();
    if (value > low) pixels[at] = Math.min(high, Math.max(low, value + added));
  }
  return pixels;
}

/** Independent standard normal deviates, two of every two numbers (Box and Muller, 1958). */
function normal(random: () => number): () => number {
  let kept: number | undefined;
  return () => {
    if (kept !== undefined) {
      const deviate = kept;
      kept = undefined;
      return deviate;
    }
    // 1 - [0, 1) is never 0, whose logarithm is not a number to compute with.
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

function withHu(image: HuImage, pixels: Float32Array): HuImage {
  return { ...image, pixels };
}

function withLevels(image: GreyImage, values: Float32Array): GreyImage {
  const rounded = values.map((value) => Math.round(value));
  return { ...image, pixels: image.bits === 16 ? Uint16Array.from(rounded) : Uint8Array.from(rounded) };
}
