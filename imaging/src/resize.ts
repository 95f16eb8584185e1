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

type Taps = { readonly first: number; readonly weights: Float64Array };

function tapsOf(from: number, to: number): readonly Taps[] {
  const scale = from / to;
  const support = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - support - 0.5));
    const last = Math.min(from - 1, Math.ceil(centre + support - 0.5));
    const weights = new Float64Array(last - first + 1);
    let sum = 0;
    for (let k = 0; k < weights.length; k += 1) {
      const weight = Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / support);
      weights[k] = weight;
      sum += weight;
    }
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

function alongRows({ rows, columns, values }: Plane, taps: readonly Taps[]): Plane {
  const out = new Float64Array(rows * taps.length);
  for (const [column, { first, weights }] of taps.entries()) {
    for (let row = 0; row < rows; row += 1) {
      const from = row * columns + first;
      let sum = 0;
      for (let k = 0; k < weights.length; k += 1) sum += (weights[k] ?? 0) * (values[from + k] ?? 0);
      out[row * taps.length + column] = sum;
    }
  }
  return { rows, columns: taps.length, values: out };
}

function alongColumns({ columns, values }: Plane, taps: readonly Taps[]): Plane {
  const out = new Float64Array(taps.length * columns);
  for (const [row, { first, weights }] of taps.entries()) {
    for (let column = 0; column < columns; column += 1) {
      let sum = 0;
      for (let k = 0; k < weights.length; k += 1) {
        sum += (weights[k] ?? 0) * (values[(first + k) * columns + column] ?? 0);
      }
      out[row * columns + column] = sum;
    }
  }
  return { rows: taps.length, columns, values: out };
}
