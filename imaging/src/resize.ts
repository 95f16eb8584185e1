/** A plane of numbers, row by row. */
export type Plane = {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
};

/**
 * Bilinear resize with half-pixel centres, antialiased where it shrinks.
 *
 * Output sample i of n, made from m input samples: with `scale = m / n`, `centre = (i + 0.5) * scale` and
 * `support = max(1, scale)`, input sample j weighs `max(0, 1 - |j + 0.5 - centre| / support)`, and the weights are
 * divided by their sum. Growing, this is plain bilinear with the edge repeated; shrinking, the triangle widens to
 * cover every input pixel (512 to 224 with plain bilinear would leave pixels unread, and a small nodule's look would
 * then depend on where it lies). Along rows first, then along columns, in float64: additions, products and divisions only, in a
 * fixed order, so that every machine gives the same bits.
 */
export function resize(plane: Plane, rows: number, columns: number): Plane {
  const across = alongRows(plane, tapsOf(plane.columns, columns));
  return alongColumns(across, tapsOf(plane.rows, rows));
}

/**
 * What each output sample is made of: from `firsts[i]` on, the weights from `starts[i]` to `starts[i + 1]`. Weights of
 * zero at either end are left out, which changes no sum of finite numbers.
 */
type Taps = { readonly firsts: Int32Array; readonly starts: Int32Array; readonly weights: Float64Array };

// Slices of a series have one size, pictures of a data set a few; an entry takes some 20 kB.
const TAPS_KEPT = 16;
const kept = new Map<string, Taps>();

function tapsOf(from: number, to: number): Taps {
  const key = `${from} ${to}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const taps = newTaps(from, to);
  for (const oldest of kept.keys()) if (kept.size >= TAPS_KEPT) kept.delete(oldest);
  kept.set(key, taps);
  return taps;
}

function newTaps(from: number, to: number): Taps {
  const scale = from / to;
  const support = Math.max(1, scale);
  const [firsts, starts] = [new Int32Array(to), new Int32Array(to + 1)];
  const weights: number[] = [];
  for (let i = 0; i < to; i += 1) {
    const centre = (i + 0.5) * scale;
    let first = Math.max(0, Math.floor(centre - support - 0.5));
    let last = Math.min(from - 1, Math.ceil(centre + support - 0.5));
    const weight = (j: number): number => Math.max(0, 1 - Math.abs(j + 0.5 - centre) / support);
    while (first < last && weight(first) === 0) first += 1;
    while (first < last && weight(last) === 0) last -= 1;
    let sum = 0;
    for (let j = first; j <= last; j += 1) sum += weight(j);
    for (let j = first; j <= last; j += 1) weights.push(weight(j) / sum);
    firsts[i] = first;
    starts[i + 1] = weights.length;
  }
  return { firsts, starts, weights: Float64Array.from(weights) };
}

function alongRows({ rows, columns, values }: Plane, { firsts, starts, weights }: Taps): Plane {
  const across = firsts.length;
  const out = new Float64Array(rows * across);
  for (let row = 0, at = 0; row < rows; row += 1) {
    const begin = row * columns;
    for (let column = 0; column < across; column += 1, at += 1) {
      let from = begin + (firsts[column] ?? 0);
      const end = starts[column + 1] ?? 0;
      let sum = 0;
      for (let k = starts[column] ?? 0; k < end; k += 1, from += 1) sum += (weights[k] ?? 0) * (values[from] ?? 0);
      out[at] = sum;
    }
  }
  return { rows, columns: across, values: out };
}

/** Row by row of what it reads: each sample still gets its products in the order of its weights. */
function alongColumns({ columns, values }: Plane, { firsts, starts, weights }: Taps): Plane {
  const out = new Float64Array(firsts.length * columns);
  for (let row = 0; row < firsts.length; row += 1) {
    const [begin, end] = [row * columns, (row + 1) * columns];
    let from = (firsts[row] ?? 0) * columns;
    for (let k = starts[row] ?? 0; k < (starts[row + 1] ?? 0); k += 1) {
      const weight = weights[k] ?? 0;
      for (let at = begin; at < end; at += 1, from += 1) out[at] = (out[at] ?? 0) + weight * (values[from] ?? 0);
    }
  }
  return { rows: firsts.length, columns, values: out };
}
