import type * as tfjs from '@tensorflow/tfjs-node';
import type { Tf } from '../engine.ts';
import type { Canvas, Field } from './field.ts';

/** A field that tfjs computes at once. */
interface TensorField extends Field {
  /** `[n, side, side, channels]`; 1 where there is one number for all. */
  readonly tensor: tfjs.Tensor4D;
}

/** @param images `[n, side, side, 3]` */
export function tensorCanvas(tf: Tf, images: tfjs.Tensor4D): Canvas {
  const side = images.shape[1];
  const line = tf.range(0, side, 1, 'float32');
  const of = (tensor: tfjs.Tensor): TensorField => tensorField(tf, tensor as tfjs.Tensor4D);
  return {
    side,
    image: of(images),
    rows: of(tf.reshape(line, [1, side, 1, 1])),
    columns: of(tf.reshape(line, [1, 1, side, 1])),
    channels: (values) => of(tf.tensor4d([...values], [1, 1, 1, values.length])),
  };
}

export function tensorOf(field: Field): tfjs.Tensor4D {
  if ('tensor' in field) return (field as TensorField).tensor;
  throw new TypeError('a field of another engine');
}

function tensorField(tf: Tf, tensor: tfjs.Tensor4D): TensorField {
  const of = (result: tfjs.Tensor): TensorField => tensorField(tf, result as tfjs.Tensor4D);
  const sliced = (axis: number, start: number, length: number): TensorField => {
    const [begin, size] = [[0, 0, 0, 0], [...tensor.shape]];
    begin[axis] = start;
    size[axis] = length;
    return of(tf.slice(tensor, begin, size));
  };
  return {
    tensor,
    plus: (other) => of(tf.add(tensor, operand(other))),
    minus: (other) => of(tf.sub(tensor, operand(other))),
    times: (other) => of(tf.mul(tensor, operand(other))),
    over: (other) => of(tf.div(tensor, operand(other))),
    atLeast: (other) => of(tf.maximum(tensor, operand(other))),
    above: (limit) => of(tf.cast(tf.greater(tensor, operand(limit)), 'float32')),
    absolute: () => of(tf.abs(tensor)),
    root: () => of(tf.sqrt(tensor)),
    sum: () => of(tf.sum(tensor, SPACE, true)),
    largest: () => of(tf.max(tensor, SPACE, true)),
    sumOfChannels: () => of(tf.sum(tensor, CHANNELS, true)),
    dilated: ([rows, columns]) => of(tf.maxPool(tensor, [rows, columns], 1, 'same')),
    filtered: ({ window: [rows, columns], weights }) =>
      of(tf.conv2d(tensor, tf.tensor4d([...weights], [rows, columns, 1, 1]), 1, 'same')),
    without: (name, first, last) => {
      const axis = AXES[name];
      return sliced(axis, first, (tensor.shape[axis] ?? 0) - first - last);
    },
    channel: (at) => sliced(CHANNELS, at, 1),
  };
}

function operand(other: Field | number): tfjs.Tensor | number {
  return typeof other === 'number' ? other : tensorOf(other);
}

const AXES = { rows: 1, columns: 2 } as const;
const SPACE = [AXES.rows, AXES.columns];
const CHANNELS = 3;
