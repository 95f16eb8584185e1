import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { moved, type Movement } from './affine.ts';

const STILL: Movement = { radians: 0, scale: 1, shiftRows: 0, shiftColumns: 0 };

/** Black with one white pixel. */
function dot(rows: number, columns: number, row: number, column: number): Float32Array {
  const pixels = new Float32Array(rows * columns);
  pixels[row * columns + column] = 100;
  return pixels;
}

/** Centre of what is white, from the image's centre: [down, right], in pixels. */
function centre(pixels: Float32Array, rows: number, columns: number): readonly [number, number] {
  let [sum, down, right] = [0, 0, 0];
  for (const [at, value] of pixels.entries()) {
    sum += value;
    down += value * (Math.floor(at / columns) - (rows - 1) / 2);
    right += value * ((at % columns) - (columns - 1) / 2);
  }
  return [down / sum, right / sum];
}

describe('moved', () => {
  it('turns anticlockwise as displayed: what was on the right is on top', () => {
    const pixels = dot(9, 9, 4, 7);
    const turned = moved({ rows: 9, columns: 9, pixels, aspect: 1 }, { ...STILL, radians: Math.PI / 2 });
    expect(turned[1 * 9 + 4]).toBeCloseTo(100, 3);
    expect(turned.filter((value) => value > 1)).toHaveLength(1);
  });

  it('turns by any angle about the centre', () => {
    const pixels = dot(41, 41, 20, 35);
    const radians = Math.PI / 6;
    const [down, right] = centre(
      moved({ rows: 41, columns: 41, pixels, aspect: 1 }, { ...STILL, radians }),
      41,
      41,
    );
    expect(right).toBeCloseTo(15 * Math.cos(radians), 0);
    expect(down).toBeCloseTo(-15 * Math.sin(radians), 0);
  });

  it('turns in millimetres where pixels are taller than wide', () => {
    // 20 columns to the right, which is 10 rows up when a row is as high as two columns are wide.
    const pixels = dot(61, 61, 30, 50);
    const turned = moved({ rows: 61, columns: 61, pixels, aspect: 2 }, { ...STILL, radians: Math.PI / 2 });
    const [down, right] = centre(turned, 61, 61);
    expect(down).toBeCloseTo(-10, 1);
    expect(right).toBeCloseTo(0, 1);
  });

  it('shifts down and to the right by whole pixels exactly', () => {
    const pixels = dot(8, 10, 3, 4);
    const shifted = moved(
      { rows: 8, columns: 10, pixels, aspect: 1 },
      { ...STILL, shiftRows: 2, shiftColumns: 3 },
    );
    expect(shifted).toEqual(dot(8, 10, 5, 7));
  });

  it('grows from the centre', () => {
    const [down, right] = centre(
      moved({ rows: 41, columns: 41, pixels: dot(41, 41, 24, 25), aspect: 1 }, { ...STILL, scale: 2 }),
      41,
      41,
    );
    expect([down, right]).toEqual([expect.closeTo(8, 5), expect.closeTo(10, 5)]);
  });

  it('goes on as the edge does where nothing is known', () => {
    const pixels = Float32Array.from({ length: 16 }, (_, at) => at % 4);
    const shifted = moved({ rows: 4, columns: 4, pixels, aspect: 1 }, { ...STILL, shiftColumns: 2 });
    expect([...shifted.subarray(0, 4)]).toEqual([0, 0, 0, 1]);
  });

  it('changes nothing without movement, never leaves the range of the pixels, and keeps a flat image flat', () => {
    const movement = fc.record({
      radians: fc.double({ min: -1, max: 1, noNaN: true }),
      scale: fc.double({ min: 0.5, max: 2, noNaN: true }),
      shiftRows: fc.double({ min: -9, max: 9, noNaN: true }),
      shiftColumns: fc.double({ min: -9, max: 9, noNaN: true }),
    });
    const image = fc
      .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
      .chain(([rows, columns]) =>
        fc.record({
          rows: fc.constant(rows),
          columns: fc.constant(columns),
          aspect: fc.constantFrom(1, 0.5, 1.7),
          pixels: fc
            .array(fc.integer({ min: -1024, max: 3071 }), {
              minLength: rows * columns,
              maxLength: rows * columns,
            })
            .map((values) => Float32Array.from(values)),
        }),
      );
    fc.assert(
      fc.property(image, movement, (source, change) => {
        expect(moved(source, STILL)).toEqual(source.pixels);
        const out = moved(source, change);
        expect(Math.min(...out)).toBeGreaterThanOrEqual(Math.min(...source.pixels) - 1e-3);
        expect(Math.max(...out)).toBeLessThanOrEqual(Math.max(...source.pixels) + 1e-3);
        expect(new Set(moved({ ...source, pixels: source.pixels.map(() => -1024) }, change))).toEqual(
          new Set([-1024]),
        );
      }),
    );
  });
});
