/**
 * One number for each pixel of each image of a batch, in one or more channels; or one for each image, which every pixel
 * then shares. The statistics are written once in these words, and computed by tfjs (`tensorField`) and by an ONNX graph
 * (`graphCanvas`) alike.
 *
 * Both engines round additions, products, quotients and comparisons in the same way, to the bit; roots, sums over many
 * pixels and filters may differ in the last digits.
 */
export interface Field {
  plus(other: Field | number): Field;
  minus(other: Field | number): Field;
  times(other: Field | number): Field;
  over(other: Field | number): Field;
  /** The larger of the two. */
  atLeast(other: Field | number): Field;
  /** 1 where it is larger, 0 elsewhere. */
  above(limit: Field | number): Field;
  absolute(): Field;
  root(): Field;
  /** Over the pixels of each image, channels apart. */
  sum(): Field;
  largest(): Field;
  sumOfChannels(): Field;
  /** The largest value in a window of odd size about each pixel; there is nothing outside of the image. */
  dilated(window: Window): Field;
  /** The weighted sum over a window about each pixel, of one channel; 0 outside of the image. */
  filtered(kernel: Kernel): Field;
  /** Without so many of its first and of its last rows or columns. */
  without(axis: Axis, first: number, last: number): Field;
  /** One of its channels, from 0. */
  channel(at: number): Field;
}

export type Axis = 'rows' | 'columns';

/** Rows and columns, both odd. */
type Window = readonly [number, number];

export interface Kernel {
  readonly window: Window;
  /** Row by row. */
  readonly weights: readonly number[];
}

/** A batch of square images and what is drawn on beside them. */
export interface Canvas {
  /** In pixels. */
  readonly side: number;
  /** Three channels. */
  readonly image: Field;
  /** The row of each pixel, from 0. */
  readonly rows: Field;
  readonly columns: Field;
  /** A number for each channel, the same at all pixels. */
  readonly channels: (values: readonly number[]) => Field;
}

export function squared(field: Field): Field {
  return field.times(field);
}
