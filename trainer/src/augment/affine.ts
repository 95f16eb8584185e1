/** Turning, scaling and shifting a plane of pixels, by one bilinear resampling. */

/** A movement of what the image shows, about the image's centre: scaled, then turned, then shifted. */
export interface Movement {
  /** Above 0: anticlockwise as the image is displayed, with its first row on top. */
  readonly radians: number;
  /** Above 1: what is shown becomes larger. */
  readonly scale: number;
  /** In pixels; above 0: down. */
  readonly shiftRows: number;
  /** In pixels; above 0: to the right. */
  readonly shiftColumns: number;
}

interface Source {
  readonly rows: number;
  readonly columns: number;
  readonly pixels: ArrayLike<number>;
  /** Height of a pixel by its width; a turn by any angle keeps the shape of what is shown. */
  readonly aspect: number;
}

/**
 * The image as it looks after the movement, of the same size. Never a mirror image: `scale` is above 0.
 *
 * What comes in from outside is the nearest pixel of the image's edge: there the image goes on as its own edge does
 * (air or padding around a slice in whatever value the scanner wrote, black around a crop on black), while a constant
 * would draw a wedge that no real image has.
 *
 * @returns float32, row by row, not rounded; a value between the values of four neighbours, and theirs where all are equal
 */
export function moved(source: Source, movement: Movement): Float32Array {
  const { rows, columns, aspect } = source;
  const { radians, scale, shiftRows, shiftColumns } = movement;
  const out = new Float32Array(rows * columns);
  const [middleRow, middleColumn] = [(rows - 1) / 2, (columns - 1) / 2];
  // From a place in the result back to where it came from.
  const [cos, sin] = [Math.cos(radians) / scale, Math.sin(radians) / scale];
  for (let row = 0; row < rows; row += 1) {
    const down = row - middleRow - shiftRows;
    for (let column = 0; column < columns; column += 1) {
      const right = column - middleColumn - shiftColumns;
      const fromRow = middleRow + cos * down + (sin / aspect) * right;
      const fromColumn = middleColumn - sin * aspect * down + cos * right;
      out[row * columns + column] = sampled(source, fromRow, fromColumn);
    }
  }
  return out;
}

function sampled({ rows, columns, pixels }: Source, row: number, column: number): number {
  const y = Math.min(rows - 1, Math.max(0, row));
  const x = Math.min(columns - 1, Math.max(0, column));
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const [bottom, right] = [Math.min(rows - 1, top + 1), Math.min(columns - 1, left + 1)];
  const upper = between(pixels[top * columns + left] ?? 0, pixels[top * columns + right] ?? 0, x - left);
  const lower = between(
    pixels[bottom * columns + left] ?? 0,
    pixels[bottom * columns + right] ?? 0,
    x - left,
  );
  return between(upper, lower, y - top);
}

/** Exactly `a` where both are equal: padding stays padding. */
function between(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}
