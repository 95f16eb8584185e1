/**
 * The convolutional base of VGG16 (Simonyan and Zisserman, 2014, configuration D) as data: thirteen 3×3
 * convolutions with ReLU, padded to keep the size, in five blocks that each end in a 2×2 max pool.
 */

/** One convolution; kernels are `[3, 3, inputs, outputs]`. */
export interface ConvLayer {
  readonly name: string;
  readonly block: number;
  readonly inputs: number;
  readonly outputs: number;
}

export const CONV_LAYERS: readonly ConvLayer[] = layersOf([
  { convolutions: 2, channels: 64 },
  { convolutions: 2, channels: 128 },
  { convolutions: 3, channels: 256 },
  { convolutions: 3, channels: 512 },
  { convolutions: 3, channels: 512 },
]);

export const BLOCKS: readonly number[] = [1, 2, 3, 4, 5];

/** Channels of the last block, and so the length of a pooled feature vector. */
export const FEATURES = 512;

/** Five halvings: below this side nothing is left to pool. */
export const MIN_INPUT_SIZE = 32;

function layersOf(blocks: readonly { convolutions: number; channels: number }[]): ConvLayer[] {
  let inputs = 3;
  return blocks.flatMap(({ convolutions, channels }, index) =>
    Array.from({ length: convolutions }, (_, position) => {
      const name = `block${index + 1}_conv${position + 1}`;
      const layer = { name, block: index + 1, inputs, outputs: channels };
      inputs = channels;
      return layer;
    }),
  );
}
