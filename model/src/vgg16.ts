/**
 * The convolutional base of VGG16 (Simonyan and Zisserman, 2014, configuration D) as data: thirteen 3×3
 * convolutions with ReLU, padded to keep the size, in five blocks that each end in a 2×2 max pool.
 */

/** One convolution; kernels are `[3, 3, inputs, outputs]`. */
export interface ConvLayer {
  readonly name: ConvName;
  readonly block: number;
  readonly inputs: number;
  readonly outputs: number;
}

export type ConvName = (typeof LAYERS)[number]['name'];

const LAYERS = [
  { name: 'block1_conv1', block: 1, inputs: 3, outputs: 64 },
  { name: 'block1_conv2', block: 1, inputs: 64, outputs: 64 },
  { name: 'block2_conv1', block: 2, inputs: 64, outputs: 128 },
  { name: 'block2_conv2', block: 2, inputs: 128, outputs: 128 },
  { name: 'block3_conv1', block: 3, inputs: 128, outputs: 256 },
  { name: 'block3_conv2', block: 3, inputs: 256, outputs: 256 },
  { name: 'block3_conv3', block: 3, inputs: 256, outputs: 256 },
  { name: 'block4_conv1', block: 4, inputs: 256, outputs: 512 },
  { name: 'block4_conv2', block: 4, inputs: 512, outputs: 512 },
  { name: 'block4_conv3', block: 4, inputs: 512, outputs: 512 },
  { name: 'block5_conv1', block: 5, inputs: 512, outputs: 512 },
  { name: 'block5_conv2', block: 5, inputs: 512, outputs: 512 },
  { name: 'block5_conv3', block: 5, inputs: 512, outputs: 512 },
] as const;

/** In the order of the network. */
export const CONV_LAYERS: readonly ConvLayer[] = LAYERS;

/** One layer of the base: a convolution, or the pool that ends a block. */
export type Stage =
  | { readonly kind: 'convolution'; readonly name: ConvName; readonly channels: number }
  | { readonly kind: 'pool'; readonly name: string; readonly channels: number };

/** Convolutions and pools in the order of the network. */
export const STAGES: readonly Stage[] = CONV_LAYERS.flatMap(({ name, block, outputs: channels }, index) => {
  const convolution: Stage = { kind: 'convolution', name, channels };
  const endsBlock = CONV_LAYERS[index + 1]?.block !== block;
  return endsBlock ? [convolution, { kind: 'pool', name: `block${block}_pool`, channels }] : [convolution];
});

/** Five halvings: below this side nothing is left to pool. */
export const MIN_INPUT_SIZE = 32;
