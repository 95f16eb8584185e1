import type { GreyImage, HuImage, Window } from '../src/index.ts';

/** A slice as a viewer exports it: 8 bits through a window. */
export function render(image: HuImage, { center, width }: Window): GreyImage {
  const pixels = Uint8Array.from(image.pixels, (hu) =>
    Math.round(255 * Math.max(0, Math.min(1, (hu - center) / width + 0.5))),
  );
  return {
    kind: 'grey',
    rows: image.rows,
    columns: image.columns,
    bits: 8,
    pixels,
    source: 'png',
    colourfulness: 0,
  };
}
