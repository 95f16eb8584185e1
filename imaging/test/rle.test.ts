import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeRle } from '../src/dicom/rle.ts';
import { ImagingError } from '../src/index.ts';

/** PackBits of one plane: runs of three or more repeated, the rest literal. */
function pack(plane: readonly number[]): readonly number[] {
  const out: number[] = [];
  let literal: number[] = [];
  const flush = () => {
    if (literal.length > 0) out.push(literal.length - 1, ...literal);
    literal = [];
  };
  for (let at = 0; at < plane.length;) {
    let run = 1;
    while (run < 128 && plane[at + run] === plane[at]) run += 1;
    if (run >= 3) {
      flush();
      out.push(257 - run, plane[at] ?? 0);
      at += run;
      continue;
    }
    literal.push(plane[at] ?? 0);
    at += 1;
    if (literal.length === 128) flush();
  }
  flush();
  return out.length % 2 === 0 ? out : [...out, 0];
}

function frameOf(segments: readonly (readonly number[])[]): Uint8Array {
  const header = new Uint32Array(16);
  header[0] = segments.length;
  let at = 64;
  for (const [k, segment] of segments.entries()) {
    header[k + 1] = at;
    at += segment.length;
  }
  return new Uint8Array(Buffer.concat([new Uint8Array(header.buffer), Uint8Array.from(segments.flat())]));
}

const low = (plane: readonly number[]) => plane.map((value) => value & 255);
const high = (plane: readonly number[]) => plane.map((value) => value >> 8);

/** Samples by pixel into segments: sample by sample, the high byte first (PS3.5 G.2). */
function encode(samples: readonly number[], samplesPerPixel: number, bytesPerSample: 1 | 2): Uint8Array {
  const planes = Array.from({ length: samplesPerPixel }, (_, sample) =>
    samples.filter((_value, at) => at % samplesPerPixel === sample),
  );
  return frameOf(
    planes.flatMap((plane) => (bytesPerSample === 1 ? [pack(plane)] : [pack(high(plane)), pack(low(plane))])),
  );
}

function code(decode: () => unknown): string {
  try {
    decode();
    return 'pixels';
  } catch (error) {
    if (error instanceof ImagingError) return error.code;
    throw error;
  }
}

const one = { pixels: 300, samplesPerPixel: 1, bytesPerSample: 1 } as const;
const ramp = Array.from({ length: 300 }, (_, at) => (at < 150 ? 7 : at & 255));

describe('RLE', () => {
  test('any picture comes back, grey or colour, of one or two bytes, in short runs and long ones', () => {
    const run = fc.record({
      value: fc.integer({ min: 0, max: 65_535 }),
      times: fc.integer({ min: 1, max: 300 }),
    });
    fc.assert(
      fc.property(
        fc.array(run, { minLength: 1, maxLength: 40 }),
        fc.constantFrom(1, 3),
        fc.constantFrom(1 as const, 2 as const),
        (runs, samplesPerPixel, bytesPerSample) => {
          const all = runs.flatMap(({ value, times }) =>
            Array.from(
              { length: times },
              (_, at) => (times > 200 ? value + at : value) % 256 ** bytesPerSample,
            ),
          );
          const pixels = Math.ceil(all.length / samplesPerPixel);
          const samples = Array.from({ length: pixels * samplesPerPixel }, (_, at) => all[at] ?? 0);
          const frame = encode(samples, samplesPerPixel, bytesPerSample);
          expect([...decodeRle(frame, { pixels, samplesPerPixel, bytesPerSample })]).toEqual(samples);
        },
      ),
    );
  });

  test('the control byte 128 does nothing', () => {
    const frame = frameOf([[128, 1, 5, 6, 128, 255, 9]]);
    expect([...decodeRle(frame, { ...one, pixels: 4 })]).toEqual([5, 6, 9, 9]);
  });

  test.each([
    ['more pixels than the frame holds', { ...one, pixels: 301 }],
    ['fewer pixels than the frame holds', { ...one, pixels: 200 }],
    ['colour', { ...one, samplesPerPixel: 3, pixels: 100 }],
    ['two bytes a sample', { ...one, bytesPerSample: 2, pixels: 150 }],
  ] as const)('is refused where the header promises %s', (_, shape) => {
    expect(code(() => decodeRle(encode(ramp, 1, 1), shape))).toBe('PIXEL_LENGTH_MISMATCH');
  });

  test('cut anywhere it is refused, but for the pad byte', () => {
    const frame = encode(ramp, 1, 1);
    for (let length = 0; length < frame.length - 1; length += 1) {
      const refusal = code(() => decodeRle(frame.subarray(0, length), one));
      expect(refusal).toBe(length < 64 ? 'TRUNCATED' : 'PIXEL_LENGTH_MISMATCH');
    }
  });

  test.each([
    ['within the header', 8],
    ['behind the frame', 1e6],
    ['before the segment ahead of it', 65],
  ])('a segment that starts %s is CORRUPT', (_, offset) => {
    const frame = encode(ramp, 3, 1);
    new DataView(frame.buffer).setUint32(12, offset, true);
    expect(code(() => decodeRle(frame, { ...one, samplesPerPixel: 3, pixels: 100 }))).toBe('CORRUPT');
  });
});
