/** The image itself: two canvases above each other, one for greys, one for the heat map. */
import type { Explanation } from '@hilum/wire';
import { paintHeatmap } from './heatmap.ts';
import { type Raster, type Window, render } from './window.ts';

export interface Stage {
  readonly draw: (raster: Raster, window: Window) => void;
  /** undefined clears it. */
  readonly overlay: (map: Explanation | undefined) => void;
  /** Of the overlay, 0 to 1. */
  readonly opacity: (share: number) => void;
  /** Instead of an image. */
  readonly say: (text: string) => void;
  readonly clear: () => void;
}

export function createStage(image: HTMLCanvasElement, overlay: HTMLCanvasElement, note: HTMLElement): Stage {
  const show = (visible: boolean): void => {
    for (const canvas of [image, overlay]) canvas.hidden = !visible;
    note.hidden = visible;
  };
  return {
    draw: (raster, window) => {
      const { rows, columns, pixelSpacing } = raster;
      if (image.width !== columns || image.height !== rows) {
        for (const canvas of [image, overlay]) {
          canvas.width = columns;
          canvas.height = rows;
        }
      }
      const [betweenRows, betweenColumns] = pixelSpacing ?? [1, 1];
      // As wide and as high as the patient, not as the matrix.
      const ratio = (columns * betweenColumns) / (rows * betweenRows);
      for (const canvas of [image, overlay]) canvas.style.aspectRatio = `${ratio}`;
      image.getContext('2d')?.putImageData(render(raster, window), 0, 0);
      note.textContent = '';
      show(true);
    },
    overlay: (map) => {
      if (map === undefined) overlay.getContext('2d')?.clearRect(0, 0, overlay.width, overlay.height);
      else paintHeatmap(overlay, map);
    },
    opacity: (share) => {
      overlay.style.opacity = String(share);
    },
    say: (text) => {
      note.textContent = text;
      show(false);
    },
    clear: () => {
      image.width = 0;
      show(false);
    },
  };
}
