import type { GreyImage } from '../image.ts';

/*
 * A scanner reconstructs a circle: the corners of a slice are padding or air, and so is most of its edge. In every
 * window that is used for a chest, air is dark: 30 % grey at most, in the wide lung window -600/2000. A nodule cut out
 * on black has the same traits. The bounds lie well outside what whole slices show (npm run domain, and
 * docs/preprocessing.md): a refused slice is worse here than a photograph let through.
 */
const COLOURED_MOST = 0.05;
// Of 255. Air in the window -600/2000 is 76.
const DARKEST_MOST = 80;
// The dark quarter of the picture's own range.
const DARK_OF_RANGE = 0.25;
const DARK_LEAST = 0.3;
const EDGE_DARK_LEAST = 0.6;
const CORNER_DARK_LEAST = 0.5;
const DARK_CORNERS_LEAST = 3;
// Of the shorter side.
const EDGE_WIDTH = 1 / 32;
const CORNER_SIDE = 1 / 12;
const RANGE_LEAST = 8;

/** What a picture is judged by. Levels are 0..255, shares 0..1. */
type Traits = {
  readonly darkest: number;
  readonly brightest: number;
  /** Shares of pixels in the dark quarter of the picture's range. */
  readonly dark: number;
  readonly edgeDark: number;
  /** Top left, top right, bottom left, bottom right. */
  readonly cornersDark: readonly number[];
};

/** What about a picture speaks against a CT slice; undefined where nothing does. Linear in the pixels. */
export function whyNoCtPicture(image: GreyImage): string | undefined {
  if ((image.colourfulness ?? 0) > COLOURED_MOST) return 'it is in colour';
  const { darkest, brightest, dark, edgeDark, cornersDark } = pictureTraits(image);
  if (brightest - darkest < RANGE_LEAST) return 'it is blank';
  if (darkest > DARKEST_MOST) return 'nothing in it is as dark as air';
  if (dark < DARK_LEAST) return 'too little of it is as dark as air';
  if (edgeDark < EDGE_DARK_LEAST) return 'its edge is not as dark as air';
  if (cornersDark.filter((share) => share >= CORNER_DARK_LEAST).length < DARK_CORNERS_LEAST) {
    return 'its corners are not as dark as air';
  }
  return undefined;
}

/** Exported for the table of docs/preprocessing.md. */
export function pictureTraits(image: GreyImage): Traits {
  const levels = eightBits(image);
  const counts = new Uint32Array(256);
  for (let at = 0; at < levels.length; at += 1) counts[levels[at] ?? 0] = (counts[levels[at] ?? 0] ?? 0) + 1;
  const { darkest, brightest } = rangeOf(counts, levels.length);
  const limit = darkest + DARK_OF_RANGE * (brightest - darkest);
  const dark = counts.subarray(0, Math.floor(limit) + 1).reduce((sum, count) => sum + count, 0);
  return { darkest, brightest, dark: dark / levels.length, ...darkShares(levels, image, limit) };
}

/** 0..255. Sixteen bits often hold twelve, so that their own maximum is what counts. */
function eightBits({ bits, pixels }: GreyImage): Uint8Array {
  if (pixels instanceof Uint8Array && bits === 8) return pixels;
  let most = 1;
  for (const level of pixels) most = Math.max(most, level);
  return Uint8Array.from(pixels, (level) => Math.floor((level * 255) / most));
}

/** The 1st and the 99th percentile; the very maximum where a small nodule is all that is bright. */
function rangeOf(
  counts: Uint32Array,
  pixels: number,
): { readonly darkest: number; readonly brightest: number } {
  const percentile = (share: number): number => {
    let seen = 0;
    return counts.findIndex((count) => {
      seen += count;
      return seen >= share * pixels;
    });
  };
  const [darkest, most] = [percentile(0.01), percentile(0.99)];
  return { darkest, brightest: most - darkest < 32 ? counts.findLastIndex((count) => count > 0) : most };
}

function darkShares(
  levels: Uint8Array,
  { rows, columns }: Pick<GreyImage, 'rows' | 'columns'>,
  limit: number,
): Pick<Traits, 'edgeDark' | 'cornersDark'> {
  const shorter = Math.min(rows, columns);
  const [edge, corner] = [EDGE_WIDTH, CORNER_SIDE].map((part) => Math.max(1, Math.round(part * shorter)));
  const within = (top: number, left: number, height: number, width: number): number => {
    let dark = 0;
    for (let row = top; row < top + height; row += 1) {
      for (let at = row * columns + left; at < row * columns + left + width; at += 1) {
        if ((levels[at] ?? 0) <= limit) dark += 1;
      }
    }
    return dark;
  };
  const [a = 1, b = 1] = [edge, corner];
  const [insideRows, insideColumns] = [Math.max(0, rows - 2 * a), Math.max(0, columns - 2 * a)];
  const [top, left] = [Math.min(a, rows), Math.min(a, columns)];
  const edgeDarkPixels =
    within(0, 0, top, columns) +
    within(top + insideRows, 0, rows - top - insideRows, columns) +
    within(top, 0, insideRows, left) +
    within(top, left + insideColumns, insideRows, columns - left - insideColumns);
  const corners = [
    [0, 0],
    [0, columns - b],
    [rows - b, 0],
    [rows - b, columns - b],
  ].map(([row = 0, column = 0]) => within(row, column, b, b) / (b * b));
  return {
    edgeDark: edgeDarkPixels / (levels.length - insideRows * insideColumns),
    cornersDark: corners,
  };
}
