/** A Grad-CAM map as colours over an image. */

/** Where a class was seen: `values` in 0..1, row by row, spread over `region` of the image. */
export interface Heatmap {
  readonly rows: number;
  readonly columns: number;
  readonly values: readonly number[];
}

export interface Region {
  readonly top: number;
  readonly left: number;
  readonly rows: number;
  readonly columns: number;
}

// Dark violet over red to yellow: rising in lightness, so that it reads without colour vision as well.
const STOPS: readonly (readonly [number, number, number])[] = [
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];

/** Paints the map where its region lies; what is not warm stays clear, so that the image is seen. */
export function paintHeatmap(canvas: HTMLCanvasElement, map: Heatmap, region: Region): void {
  const small = document.createElement('canvas');
  small.width = map.columns;
  small.height = map.rows;
  small.getContext('2d')?.putImageData(coloured(map), 0, 0);
  const into = canvas.getContext('2d');
  if (into === null) return;
  into.clearRect(0, 0, canvas.width, canvas.height);
  into.imageSmoothingQuality = 'high';
  into.drawImage(small, region.left, region.top, region.columns, region.rows);
}

function coloured({ rows, columns, values }: Heatmap): ImageData {
  const image = new ImageData(columns, rows);
  const most = Math.max(...values, Number.MIN_VALUE);
  for (const [at, value] of values.entries()) {
    const warmth = between0and1(value / most);
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
