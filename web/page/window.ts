/** Which values of an image become which greys. */
import type { Pixels } from '@hilum/wire';

export interface Window {
  readonly center: number;
  readonly width: number;
}

interface Preset extends Window {
  readonly id: string;
  readonly name: string;
}

/** How far and by what steps a person may move a window. */
export interface Range {
  readonly center: readonly [from: number, to: number];
  readonly width: readonly [from: number, to: number];
  readonly step: number;
}

/** One image, as the server decoded it. */
export interface Raster extends Pixels {
  readonly values: Int16Array | Uint8Array | Uint16Array;
}

const CT: readonly Preset[] = [
  { id: 'lung', name: 'Lung', center: -600, width: 1500 },
  { id: 'mediastinum', name: 'Mediastinum', center: 40, width: 400 },
];

/** The windows by name for an image, the one to begin with first. */
export function presetsOf({ kind, type }: Pick<Pixels, 'kind' | 'type'>): readonly Preset[] {
  if (kind === 'hu') return CT;
  // Width and centre by which the linear function changes no level.
  const width = type === 'uint8' ? 256 : 65_536;
  return [{ id: 'plain', name: 'As it is', center: width / 2, width }];
}

export function rangeOf({ kind, type }: Pick<Pixels, 'kind' | 'type'>): Range {
  if (kind === 'hu') return { center: [-1000, 1000], width: [10, 4000], step: 10 };
  const levels = type === 'uint8' ? 256 : 65_536;
  return { center: [0, levels], width: [levels / 64, levels * 2], step: levels / 64 };
}

/** Greys of an image under a window, by DICOM's linear function (PS3.3 C.11.2.1.2.1), opaque. */
export function render({ values, rows, columns, inverted }: Raster, window: Window): ImageData {
  const image = new ImageData(columns, rows);
  const out = new Uint32Array(image.data.buffer);
  const grey = greys(values, window, inverted);
  const lowest = values instanceof Int16Array ? -32_768 : 0;
  for (let at = 0; at < out.length; at += 1) {
    const level = grey[(values[at] ?? 0) - lowest] ?? 0;
    // Every browser's memory is little-endian: alpha, blue, green, red from the top.
    out[at] = 0xff_00_00_00 | (level << 16) | (level << 8) | level;
  }
  return image;
}

/** One entry for each value that the type can hold. */
function greys(values: Raster['values'], { center, width }: Window, inverted: boolean): Uint8ClampedArray {
  const table = new Uint8ClampedArray(values instanceof Uint8Array ? 256 : 65_536);
  const lowest = values instanceof Int16Array ? -32_768 : 0;
  const span = Math.max(width - 1, 1);
  for (let at = 0; at < table.length; at += 1) {
    const level = ((at + lowest - (center - 0.5)) / span + 0.5) * 255;
    table[at] = inverted ? 255 - level : level;
  }
  return table;
}
