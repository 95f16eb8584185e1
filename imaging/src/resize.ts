/** A plane of numbers, row by row. */
export type Plane = {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
};

/** A plane that is made row by row, as it is read: no copy of a whole slice in float64 has to be held. */
export type Rows = {
  readonly rows: number;
  readonly columns: number;
  /** Fills `into`, of `columns` numbers, with row `row`. */
  readonly read: (row: number, into: Float64Array) => void;
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
export function resize(source: Plane | Rows, rows: number, columns: number): Plane {
  const read = 'read' in source ? source.read : readerOf(source);
  const across = tapsOf(source.columns, columns);
  const down = tapsOf(source.rows, rows);
  const values = new Float64Array(rows * columns);
  const from = new Float64Array(source.columns);
  const row = new Float64Array(columns);
  // Output rows that are still to get a part of a row to come.
  let open = 0;
  for (let at = 0; at < source.rows; at += 1) {
    read(at, from);
    shrinkRow(from, across, row);
    while (open < rows && endOf(down, open) <= at) open += 1;
    for (let i = open; i < rows && (down.firsts[i] ?? 0) <= at; i += 1) {
      const weight = down.weights[(down.starts[i] ?? 0) + at - (down.firsts[i] ?? 0)] ?? 0;
      addRow(row, weight, values, i * columns);
    }
  }
  return { rows, columns, values };
}

function readerOf({ columns, values }: Plane): Rows['read'] {
  return (row, into) => {
    into.set(values.subarray(row * columns, (row + 1) * columns));
  };
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

/** The sample after the last that output sample `i` is made of. */
function endOf({ firsts, starts }: Taps, i: number): number {
  return (firsts[i] ?? 0) + (starts[i + 1] ?? 0) - (starts[i] ?? 0);
}

function shrinkRow(values: Float64Array, { firsts, starts, weights }: Taps, out: Float64Array): void {
  for (let i = 0; i < out.length; i += 1) {
    let from = firsts[i] ?? 0;
    const end = starts[i + 1] ?? 0;
    let sum = 0;
    for (let k = starts[i] ?? 0; k < end; k += 1, from += 1) sum += (weights[k] ?? 0) * (values[from] ?? 0);
    out[i] = sum;
  }
}

function addRow(row: Float64Array, weight: number, out: Float64Array, begin: number): void {
  for (let i = 0; i < row.length; i += 1) out[begin + i] = (out[begin + i] ?? 0) + weight * (row[i] ?? 0);
}
