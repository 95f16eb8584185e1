/** A Grad-CAM map as colours over an image. */
import type { Explanation } from '@hilum/wire';

// Dark violet over red to yellow: rising in lightness, so that it reads without colour vision as well.
const STOPS: readonly (readonly [number, number, number])[] = [
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];

/** Paints the map where its region lies; what is not warm stays clear, so that the image is seen. */
export function paintHeatmap(canvas: HTMLCanvasElement, { heatmap, region }: Explanation): void {
  const small = document.createElement('canvas');
  small.width = heatmap.columns;
  small.height = heatmap.rows;
  small.getContext('2d')?.putImageData(coloured(heatmap), 0, 0);
  const into = canvas.getContext('2d');
  if (into === null) return;
  into.clearRect(0, 0, canvas.width, canvas.height);
  into.imageSmoothingQuality = 'high';
  into.drawImage(small, region.left, region.top, region.columns, region.rows);
}

function coloured({ rows, columns, values }: Explanation['heatmap']): ImageData {
  const image = new ImageData(columns, rows);
  for (const [at, warmth] of values.entries()) {
    image.data.set([...colourOf(warmth), Math.round(255 * between0and1((warmth - 0.1) * 1.6))], at * 4);
  }
  return image;
}

function between0and1(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}

function colourOf(warmth: number): readonly [number, number, number] {
  const place = warmth * (STOPS.length - 1);
  const low = Math.min(Math.floor(place), STOPS.length - 2);
  const from = STOPS[low] ?? [0, 0, 0];
  const to = STOPS[low + 1] ?? from;
  const between = (k: 0 | 1 | 2): number => Math.round(from[k] + (to[k] - from[k]) * (place - low));
  return [between(0), between(1), between(2)];
}
