import { ImagingError } from '../../errors.ts';

/** One row of one component: every `stride`-th sample from `start` on, of the frame and (from 0 on) of a row. */
export type Row = {
  readonly samples: Uint16Array;
  readonly start: number;
  readonly stride: number;
  readonly differences: Int32Array;
  readonly from: number;
  readonly step: number;
  readonly columns: number;
};

/**
 * Turns the differences of a row into samples by a predictor 1 to 7 (ISO/IEC 10918-1 table H.1), modulo 2^16. The
 * row above lies `above` samples before `row.start`. Returns the samples OR-ed: a bit above the precision is a lie.
 */
export function reconstruct(row: Row, selection: number, above: number): number {
  const predict = predictors[selection];
  if (predict === undefined) throw new ImagingError('CORRUPT', 'The JPEG names a predictor that is none.');
  return predict(row, above);
}

/** The first row of a scan or restart interval (H.1.1): from the left, and the first sample from `origin`. */
export function reconstructFirst(
  { samples, start, stride, differences, from, step, columns }: Row,
  origin: number,
): number {
  let left = origin;
  let all = 0;
  for (let k = 0, at = start, d = from; k < columns; k += 1, at += stride, d += step) {
    left = (left + (differences[d] ?? 0)) & 0xffff;
    samples[at] = left;
    all |= left;
  }
  return all;
}

type Predict = (row: Row, above: number) => number;

/**
 * The same loop seven times over: a function that is called for each sample costs more than the sample. In each,
 * the first sample is predicted from above; then `a` is the left, `b` the upper, `c` the upper left one.
 */
const predictors: readonly (Predict | undefined)[] = [
  undefined,
  (row, above) => {
    const { samples, start, stride, differences, from, step, columns } = row;
    let a = first(row, above);
    let all = a;
    for (let k = 1, at = start + stride, d = from + step; k < columns; k += 1, at += stride, d += step) {
      a = (a + (differences[d] ?? 0)) & 0xffff;
      samples[at] = a;
      all |= a;
    }
    return all;
  },
  (row, above) => {
    const { samples, start, stride, differences, from, step, columns } = row;
    let all = first(row, above);
    for (let k = 1, at = start + stride, d = from + step; k < columns; k += 1, at += stride, d += step) {
      const x = ((samples[at - above] ?? 0) + (differences[d] ?? 0)) & 0xffff;
      samples[at] = x;
      all |= x;
    }
    return all;
  },
  (row, above) => {
    const { samples, start, stride, differences, from, step, columns } = row;
    let all = first(row, above);
    for (let k = 1, at = start + stride, d = from + step; k < columns; k += 1, at += stride, d += step) {
      const x = ((samples[at - above - stride] ?? 0) + (differences[d] ?? 0)) & 0xffff;
      samples[at] = x;
      all |= x;
    }
    return all;
  },
  (row, above) => {
    const { samples, start, stride, differences, from, step, columns } = row;
    let a = first(row, above);
    let c = samples[start - above] ?? 0;
    let all = a;
    for (let k = 1, at = start + stride, d = from + step; k < columns; k += 1, at += stride, d += step) {
      const b = samples[at - above] ?? 0;
      a = (a + b - c + (differences[d] ?? 0)) & 0xffff;
      c = b;
      samples[at] = a;
      all |= a;
    }
    return all;
  },
  (row, above) => {
    const { samples, start, stride, differences, from, step, columns } = row;
    let a = first(row, above);
    let c = samples[start - above] ?? 0;
    let all = a;
    for (let k = 1, at = start + stride, d = from + step; k < columns; k += 1, at += stride, d += step) {
      const b = samples[at - above] ?? 0;
      a = (a + ((b - c) >> 1) + (differences[d] ?? 0)) & 0xffff;
      c = b;
      samples[at] = a;
      all |= a;
    }
    return all;
  },
  (row, above) => {
    const { samples, start, stride, differences, from, step, columns } = row;
    let a = first(row, above);
    let c = samples[start - above] ?? 0;
    let all = a;
    for (let k = 1, at = start + stride, d = from + step; k < columns; k += 1, at += stride, d += step) {
      const b = samples[at - above] ?? 0;
      a = (b + ((a - c) >> 1) + (differences[d] ?? 0)) & 0xffff;
      c = b;
      samples[at] = a;
      all |= a;
    }
    return all;
  },
  (row, above) => {
    const { samples, start, stride, differences, from, step, columns } = row;
    let a = first(row, above);
    let all = a;
    for (let k = 1, at = start + stride, d = from + step; k < columns; k += 1, at += stride, d += step) {
      a = (((a + (samples[at - above] ?? 0)) >> 1) + (differences[d] ?? 0)) & 0xffff;
      samples[at] = a;
      all |= a;
    }
    return all;
  },
];

function first({ samples, start, differences, from }: Row, above: number): number {
  const sample = ((samples[start - above] ?? 0) + (differences[from] ?? 0)) & 0xffff;
  samples[start] = sample;
  return sample;
}
