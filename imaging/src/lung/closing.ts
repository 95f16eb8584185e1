import type { Box } from './components.ts';

/**
 * Morphological closing of a mask by a disc of `radius` pixels, within `box` and what the disc reaches of its
 * surroundings: gaps and notches that no such disc fits into are filled. Beyond the image lies nothing that grows in,
 * and nothing that eats from the outside. Returns a new mask.
 */
export function closeMask(
  mask: Uint8Array,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  box: Box,
  radius: number,
): Uint8Array {
  // A margin of one more, so that the erosion sees the outside of what grew.
  const margin = radius + 1;
  const [top, left] = [box.top - margin, box.left - margin];
  const size = {
    rows: box.bottom - box.top + 1 + 2 * margin,
    columns: box.right - box.left + 1 + 2 * margin,
  };
  const cut = new Uint8Array(size.rows * size.columns);
  each(size, { top, left, rows, columns }, (inside, at) => {
    cut[inside] = mask[at] ?? 0;
  });
  const grown = dilate(cut, size, radius);
  const outside = dilate(
    grown.map((value) => 1 - value),
    size,
    radius,
  );
  const closed = mask.slice();
  each(size, { top, left, rows, columns }, (inside, at) => {
    if (outside[inside] === 0) closed[at] = 1;
  });
  return closed;
}

type Size = { readonly rows: number; readonly columns: number };

/** Calls `visit` with the index in the cut and that in the image, for every pixel that lies in both. */
function each(
  cut: Size,
  image: Size & { readonly top: number; readonly left: number },
  visit: (inside: number, at: number) => void,
): void {
  for (let row = 0; row < cut.rows; row += 1) {
    const y = row + image.top;
    if (y < 0 || y >= image.rows) continue;
    for (let column = 0; column < cut.columns; column += 1) {
      const x = column + image.left;
      if (x >= 0 && x < image.columns) visit(row * cut.columns + column, y * image.columns + x);
    }
  }
}

/**
 * A pixel is set when one is set within `radius`: in each row at hand, no further along than the disc is wide there.
 * Needs the distance along the row to the nearest set pixel, which two sweeps give.
 */
function dilate(mask: Uint8Array, { rows, columns }: Size, radius: number): Uint8Array {
  const away = distancesAlongRows(mask, { rows, columns }, radius + 1);
  const out = new Uint8Array(mask.length);
  for (let dy = -radius; dy <= radius; dy += 1) {
    const width = Math.floor(Math.sqrt(radius * radius - dy * dy));
    const first = Math.max(0, -dy) * columns;
    const last = (rows - Math.max(0, dy)) * columns;
    const shift = dy * columns;
    for (let at = first; at < last; at += 1) {
      if ((away[at + shift] ?? 255) <= width) out[at] = 1;
    }
  }
  return out;
}

function distancesAlongRows(mask: Uint8Array, { rows, columns }: Size, far: number): Uint8Array {
  const away = new Uint8Array(mask.length);
  for (let row = 0; row < rows; row += 1) {
    const start = row * columns;
    const end = start + columns;
    for (let at = start, steps = far; at < end; at += 1) {
      steps = mask[at] === 0 ? Math.min(far, steps + 1) : 0;
      away[at] = steps;
    }
    for (let at = end - 1, steps = far; at >= start; at -= 1) {
      steps = mask[at] === 0 ? Math.min(far, steps + 1) : 0;
      if (steps < (away[at] ?? 0)) away[at] = steps;
    }
  }
  return away;
}
