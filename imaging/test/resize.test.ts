import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { resize } from '../src/resize.ts';

const size = fc.integer({ min: 1, max: 40 });
const plane = fc.record({ rows: size, columns: size }).chain(({ rows, columns }) =>
  fc
    .array(fc.double({ min: -2000, max: 4000, noNaN: true }), {
      minLength: rows * columns,
      maxLength: rows * columns,
    })
    .map((values) => ({ rows, columns, values: Float64Array.from(values) })),
);

test('keeps a constant image constant at any size', () => {
  fc.assert(
    fc.property(
      size,
      size,
      size,
      size,
      fc.integer({ min: -1024, max: 3071 }),
      (rows, columns, toRows, toColumns, level) => {
        const flat = { rows, columns, values: new Float64Array(rows * columns).fill(level) };
        for (const value of resize(flat, toRows, toColumns).values) expect(value).toBeCloseTo(level, 8);
      },
    ),
  );
});

test('changes nothing at the same size', () => {
  fc.assert(
    fc.property(plane, (image) => {
      const same = resize(image, image.rows, image.columns).values;
      for (const [at, value] of image.values.entries()) expect(same[at]).toBeCloseTo(value, 9);
    }),
  );
});

test('never leaves the range of its input', () => {
  fc.assert(
    fc.property(plane, size, size, (image, rows, columns) => {
      const low = Math.min(...image.values) - 1e-6;
      const high = Math.max(...image.values) + 1e-6;
      for (const value of resize(image, rows, columns).values)
        expect(value >= low && value <= high).toBe(true);
    }),
  );
});

test('grows by plain bilinear with half-pixel centres and a repeated edge', () => {
  const { values } = resize({ rows: 1, columns: 2, values: Float64Array.of(0, 100) }, 1, 4);
  expect([...values]).toEqual([0, 25, 75, 100]);
});

test('shrinks with a triangle wide enough to read every pixel', () => {
  // 4 to 2: weights 3/4, 3/4, 1/4 of the pixels at distance 1/2, 1/2, 3/2, over their sum.
  const { values } = resize({ rows: 4, columns: 1, values: Float64Array.of(7, 14, 28, 0) }, 2, 1);
  expect(values[0]).toBeCloseTo((0.75 * 7 + 0.75 * 14 + 0.25 * 28) / 1.75, 12);
  expect(values[1]).toBeCloseTo((0.25 * 14 + 0.75 * 28) / 1.75, 12);
});

test('treats rows and columns alike', () => {
  fc.assert(
    fc.property(plane, size, size, (image, rows, columns) => {
      const turned = transpose(resize(transpose(image), columns, rows));
      const straight = resize(image, rows, columns);
      for (const [at, value] of straight.values.entries()) expect(turned.values[at]).toBeCloseTo(value, 6);
    }),
  );
});

function transpose({ rows, columns, values }: { rows: number; columns: number; values: Float64Array }) {
  const turned = Float64Array.from(
    values,
    (_, at) => values[(at % rows) * columns + Math.floor(at / rows)] ?? Number.NaN,
  );
  return { rows: columns, columns: rows, values: turned };
}
