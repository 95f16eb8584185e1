/** A few numbers of one input of the network, in which a change of scanner, window or anatomy shows. */
import { CAFFE_MEANS } from '@hilum/imaging';

export const INPUT_STATISTICS = ['mean', 'deviation', 'black', 'saturated'] as const;
type InputStatistics = Readonly<Record<(typeof INPUT_STATISTICS)[number], number>>;

/**
 * Of grey levels 0..255, all channels together: mean and standard deviation, and the shares that are black and saturated.
 * Of a large input some 4096 pixels are looked at, evenly spread: tens of microseconds.
 *
 * @param tensor `s * s * 3` as `toTensor` makes it
 */
export function inputStatistics(tensor: Float32Array): InputStatistics {
  const pixels = tensor.length / 3;
  // Odd, so that it does not fall into the same columns of a row of even length again and again.
  const step = Math.max(1, Math.floor(pixels / PIXELS)) | 1;
  let count = 0;
  let sum = 0;
  let squares = 0;
  let black = 0;
  let saturated = 0;
  for (let pixel = 0; pixel < pixels; pixel += step) {
    for (let channel = 0; channel < 3; channel += 1) {
      const level = (tensor[pixel * 3 + channel] ?? 0) + (CAFFE_MEANS[channel] ?? 0);
      count += 1;
      sum += level;
      squares += level * level;
      if (level < 0.5) black += 1;
      else if (level > 254.5) saturated += 1;
    }
  }
  const mean = sum / count;
  return {
    mean,
    deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)),
    black: black / count,
    saturated: saturated / count,
  };
}

const PIXELS = 4096;
