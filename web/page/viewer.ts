/** The image of a study with its controls: slices, window, heat map. */
import type { Explanation } from '@hilum/wire';
import { type Api, Refusal } from './api.ts';
import { byId, make } from './dom.ts';
import type { Slice, Study } from './files.ts';
import { createStage } from './stage.ts';
import { type Raster, type Window, presetsOf, rangeOf } from './window.ts';
import { aboutMap, noOverlay } from './words.ts';

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
const KEY_STEPS = 2;

export function createViewer(api: Api): Viewer {
  const input = (id: string): HTMLInputElement => byId(id, HTMLInputElement);
  const output = (id: string): HTMLOutputElement => byId(id, HTMLOutputElement);
  const [level, width, slider, heat, opacity] = ['level', 'width', 'slice', 'heat', 'opacity'].map(input) as [
    HTMLInputElement, HTMLInputElement, HTMLInputElement, HTMLInputElement, HTMLInputElement,
  ]; // prettier-ignore
  const image = byId('image', HTMLCanvasElement);
  const frame = byId('stage', HTMLElement);
  const presets = byId('presets', HTMLElement);
  const heatNote = byId('heat-note', HTMLElement);
  const stage = createStage(image, byId('overlay', HTMLCanvasElement), byId('note', HTMLElement));

  let study: Study | undefined;
  let ending = new AbortController().signal;
  let at = 0;
  let raster: Raster | undefined;
  const rasters = new Map<Slice, Raster>();
  const maps = new Map<Slice, Explanation>();
  let scrubbing = new AbortController();
  let shape = '';

  const windowNow = (): Window => ({ center: Number(level.value), width: Number(width.value) });

  const draw = (): void => {
    if (raster === undefined) return;
    const window = windowNow();
    stage.draw(raster, window);
    const unit = raster.kind === 'hu' ? ' HU' : '';
    output('level-value').textContent = `${window.center}${unit}`;
    output('width-value').textContent = `${window.width}${unit}`;
    const preset = presetsOf(raster).find(
      (one) => one.center === window.center && one.width === window.width,
    );
    for (const radio of presets.querySelectorAll('input')) radio.checked = radio.value === preset?.id;
    const slices = study?.slices.length ?? 1;
    const which = slices > 1 ? `slice ${at + 1} of ${slices}, ` : '';
    image.setAttribute(
      'aria-label',
      `${raster.kind === 'hu' ? 'CT slice' : 'Picture'}, ${which}${raster.columns} by ${raster.rows} pixels, ` +
        `${preset === undefined ? 'own' : preset.name.toLowerCase()} window, level ${window.center}, width ${window.width}`,
    );
    drawMap();
  };

  const setWindow = (window: Window): void => {
    level.value = String(window.center);
    width.value = String(window.width);
    draw();
  };

  /** Controls of another kind of image begin anew; those of the same keep what the person chose. */
  const adapt = (next: Raster): void => {
    byId('controls', HTMLElement).hidden = false;
    frame.tabIndex = 0;
    const kind = `${next.kind} ${next.type}`;
    if (kind === shape) return;
    shape = kind;
    const range = rangeOf(next);
    for (const [element, [from, to]] of [
      [level, range.center],
      [width, range.width],
    ] as const) {
      Object.assign(element, { min: String(from), max: String(to), step: String(range.step) });
    }
    const choices = presetsOf(next).map((preset) => {
      const radio = make('input', '');
      Object.assign(radio, { type: 'radio', name: 'preset', value: preset.id });
      radio.addEventListener('change', () => setWindow(preset));
      return make('label', '', radio, make('span', '', preset.name));
    });
    presets.replaceChildren(...choices);
    const [first] = presetsOf(next);
    if (first !== undefined) {
      level.value = String(first.center);
      width.value = String(first.width);
    }
  };

  const showSlice = async (next: number): Promise<void> => {
    const slice = study?.slices[next];
    if (study === undefined || slice === undefined) return;
    at = next;
    slider.value = String(at + 1);
    output('slice-value').textContent = `${at + 1} of ${study.slices.length}`;
    byId('title', HTMLElement).textContent = slice.name;
    scrubbing.abort();
    scrubbing = new AbortController();
    const signal = AbortSignal.any([scrubbing.signal, ending]);
    try {
      const found = rasters.get(slice) ?? (await api.pixels(slice, signal));
      if (signal.aborted) return;
      keep(rasters, slice, found);
      raster = found;
      adapt(found);
      draw();
      await explainNow();
    } catch (error) {
      if (signal.aborted) return;
      raster = undefined;
      stage.say(
        error instanceof Refusal ? `No picture: ${error.message}` : 'No picture: the file cannot be read.',
      );
    }
  };

  const drawMap = (): void => {
    const slice = study?.slices[at];
    const map = heat.checked && slice !== undefined ? maps.get(slice) : undefined;
    stage.overlay(map);
    byId('opacity-row', HTMLElement).hidden = map === undefined || map.empty;
    if (map !== undefined) heatNote.textContent = aboutMap(map);
  };

  const explainNow = async (): Promise<void> => {
    const slice = study?.slices[at];
    drawMap();
    if (!heat.checked) heatNote.textContent = '';
    if (!heat.checked || slice === undefined || maps.has(slice)) return;
    const signal = AbortSignal.any([scrubbing.signal, ending]);
    heatNote.textContent = 'Asking for the heat map…';
    try {
      const map = await api.explain(slice, signal);
      if (signal.aborted) return;
      keep(maps, slice, map);
      drawMap();
    } catch (error) {
      if (signal.aborted) return;
      heat.checked = false;
      heatNote.textContent =
        error instanceof Refusal ? noOverlay(error) : 'No heat map: the answer cannot be read.';
    }
  };

  const nudge = (slide: HTMLInputElement, steps: number): void => {
    slide.value = String(Number(slide.value) + steps * Number(slide.step));
    draw();
  };
  const step = (slices: number): void => {
    const last = (study?.slices.length ?? 1) - 1;
    const next = Math.min(Math.max(at + slices, 0), last);
    if (next !== at) void showSlice(next);
  };
  const usePreset = (number: number): void => {
    const preset = raster === undefined ? undefined : presetsOf(raster)[number];
    if (preset !== undefined) setWindow(preset);
  };
  const keys: Readonly<Record<string, () => void>> = {
    '1': () => usePreset(0),
    '2': () => usePreset(1),
    ArrowUp: () => nudge(level, KEY_STEPS),
    ArrowDown: () => nudge(level, -KEY_STEPS),
    ArrowRight: () => nudge(width, KEY_STEPS),
    ArrowLeft: () => nudge(width, -KEY_STEPS),
    PageUp: () => step(1),
    PageDown: () => step(-1),
    h: () => heat.click(),
  };
  frame.addEventListener('keydown', (event) => {
    const act = keys[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey || raster === undefined) return;
    event.preventDefault();
    act();
  });
  // As at a PACS: up and down for the level, left and right for the width. A finger scrolls the page.
  let grip: Window = windowNow();
  frame.addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'touch' || raster === undefined) return;
    grip = windowNow();
    frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener('pointermove', (event) => {
    if (!frame.hasPointerCapture(event.pointerId)) return;
    const perPixel = Number(width.max) / 1000;
    // Not of the sliders, which round to their steps.
    grip = {
      center: grip.center + event.movementY * perPixel,
      width: grip.width + event.movementX * perPixel,
    };
    setWindow(grip);
  });
  for (const slide of [level, width]) slide.addEventListener('input', draw);
  slider.addEventListener('input', () => void showSlice(Number(slider.value) - 1));
  heat.addEventListener('change', () => void explainNow());
  const fade = (): void => {
    stage.opacity(Number(opacity.value) / 100);
    output('opacity-value').textContent = `${opacity.value} %`;
  };
  opacity.addEventListener('input', fade);
  fade();

  return {
    open: (next, signal) => {
      study = next;
      ending = signal;
      rasters.clear();
      maps.clear();
      raster = undefined;
      const { length } = next.slices;
      slider.max = String(length);
      byId('slice-row', HTMLElement).hidden = length < 2;
      const title = byId('title', HTMLElement);
      title.hidden = false;
      title.textContent = next.title;
      byId('controls', HTMLElement).hidden = true;
      stage.say(length === 0 ? 'The slices of this zip cannot be shown here.' : 'Reading the image…');
      void showSlice(Math.floor(length / 2));
    },
    goTo: (slice) => {
      const index = study?.slices.indexOf(slice) ?? -1;
      if (index >= 0 && index !== at) void showSlice(index);
    },
    explainable: (may) => {
      heat.disabled = !may;
      heat.checked = false;
      void explainNow();
    },
  };
}

function keep<T>(map: Map<Slice, T>, slice: Slice, value: T): void {
  map.delete(slice);
  map.set(slice, value);
  const [oldest] = map.keys();
  if (map.size > KEPT_SLICES && oldest !== undefined) map.delete(oldest);
}
