import type { Kernel } from './field.ts';

/** The bell of this standard deviation in pixels, cut at three of them; its weights sum to 1. */
export function gaussian(sigma: number): Kernel {
  const radius = Math.ceil(3 * sigma);
  const side = 2 * radius + 1;
  const bell = Array.from({ length: side }, (_, at) => Math.exp(-((at - radius) ** 2) / (2 * sigma ** 2)));
  const total = bell.reduce((sum, weight) => sum + weight, 0);
  const line = bell.map((weight) => weight / total);
  return { window: [side, side], weights: line.flatMap((row) => line.map((column) => row * column)) };
}

/** The mean of 3×3 pixels. */
export const BOX: Kernel = { window: [3, 3], weights: Array.from({ length: 9 }, () => 1 / 9) };

/** Half the difference of the two neighbours. */
export const ACROSS: Kernel = { window: [1, 3], weights: [-0.5, 0, 0.5] };
export const DOWN: Kernel = { window: [3, 1], weights: [-0.5, 0, 0.5] };
