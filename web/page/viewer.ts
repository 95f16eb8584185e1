/** The image of a study: its slices, one at a time, with what is laid over them. */
import { type Api, Refusal } from './api.ts';
import { createControls } from './controls.ts';
import { byId } from './dom.ts';
import type { Slice, Study } from './files.ts';
import { listenToHands } from './hands.ts';
import { createHeat } from './heat.ts';
import { createStage } from './stage.ts';
import type { Raster } from './window.ts';

export interface Viewer {
  /** Shows the middle slice; `signal` ends all that is asked for the study. */
  readonly open: (study: Study, signal: AbortSignal) => void;
  /** The slice that the answer is about, if not the one that is shown. */
  readonly goTo: (slice: Slice) => void;
  /** Whether heat maps may be asked for. */
  readonly explainable: (may: boolean) => void;
}

// A slice of 512² is half a MiB.
const KEPT_SLICES = 64;

export function createViewer(api: Api): Viewer {
  const image = byId('image', HTMLCanvasElement);
  const frame = byId('stage', HTMLElement);
  const slider = byId('slice', HTMLInputElement);
  const title = byId('title', HTMLElement);
  const panel = byId('controls', HTMLElement);
  const stage = createStage(image, byId('overlay', HTMLCanvasElement), byId('note', HTMLElement));
  const heat = createHeat(api, stage);
  const rasters = new Map<Slice, Raster>();
  let slices: readonly Slice[] = [];
  let ending = new AbortController().signal;
  let scrubbing = new AbortController();
  let at = 0;
  let raster: Raster | undefined;

  const draw = (): void => {
    if (raster === undefined) return;
    stage.draw(raster, controls.now());
    const preset = controls.label(raster);
    const which = slices.length > 1 ? `slice ${at + 1} of ${slices.length}, ` : '';
    image.setAttribute('aria-label', `${describe(raster, which)}, ${windowInWords(preset, controls.now())}`);
  };
  const controls = createControls(draw);

  const showSlice = async (next: number): Promise<void> => {
    const slice = slices[next];
    if (slice === undefined) return;
    at = next;
    slider.value = String(at + 1);
    byId('slice-value', HTMLOutputElement).textContent = `${at + 1} of ${slices.length}`;
    title.textContent = slice.name;
    scrubbing.abort();
    scrubbing = new AbortController();
    const signal = AbortSignal.any([scrubbing.signal, ending]);
    try {
      const found = rasters.get(slice) ?? (await api.pixels(slice, signal));
      if (signal.aborted) return;
      keep(rasters, slice, found);
      raster = found;
      panel.hidden = false;
      frame.tabIndex = 0;
      controls.adapt(found);
      draw();
      await heat.show(slice, signal);
    } catch (error) {
      if (signal.aborted) return;
      raster = undefined;
      stage.say(`No picture: ${error instanceof Refusal ? error.message : 'the file cannot be read.'}`);
    }
  };

  slider.addEventListener('input', () => void showSlice(Number(slider.value) - 1));
  listenToHands(frame, {
    ready: () => raster !== undefined,
    controls,
    step: (by) => {
      const next = Math.min(Math.max(at + by, 0), slices.length - 1);
      if (next !== at) void showSlice(next);
    },
    toggleHeat: heat.toggle,
  });

  return {
    open: (study, signal) => {
      slices = study.slices;
      ending = signal;
      raster = undefined;
      rasters.clear();
      slider.max = String(slices.length);
      byId('slice-row', HTMLElement).hidden = slices.length < 2;
      title.hidden = false;
      title.textContent = study.title;
      panel.hidden = true;
      stage.say(slices.length === 0 ? 'The slices of this zip cannot be shown here.' : 'Reading the image…');
      void showSlice(Math.floor(slices.length / 2));
    },
    goTo: (slice) => {
      const index = slices.indexOf(slice);
      if (index >= 0 && index !== at) void showSlice(index);
    },
    explainable: heat.allow,
  };
}

function describe({ kind, rows, columns }: Raster, which: string): string {
  return `${kind === 'hu' ? 'CT slice' : 'Picture'}, ${which}${columns} by ${rows} pixels`;
}

function windowInWords(
  preset: string | undefined,
  { center, width }: { center: number; width: number },
): string {
  return `${preset === undefined ? 'own' : preset.toLowerCase()} window, level ${center}, width ${width}`;
}

function keep(rasters: Map<Slice, Raster>, slice: Slice, raster: Raster): void {
  rasters.delete(slice);
  rasters.set(slice, raster);
  const [oldest] = rasters.keys();
  if (rasters.size > KEPT_SLICES && oldest !== undefined) rasters.delete(oldest);
}
