/** Presets and sliders of the window. */
import { byId, make } from './dom.ts';
import { type Raster, type Window, presetsOf, rangeOf } from './window.ts';

export interface Controls {
  readonly now: () => Window;
  /** That the sliders allow. */
  readonly widest: () => number;
  /** Moves the sliders, which round, and tells. */
  readonly set: (window: Window) => void;
  /** By so many steps of the sliders. */
  readonly nudge: (steps: { readonly level?: number; readonly width?: number }) => void;
  /** By its place, from 0. */
  readonly usePreset: (place: number) => void;
  /** An image of another kind begins with its first preset; one of the same keeps what the person chose. */
  readonly adapt: (raster: Raster) => void;
  /** Says the window in its place. @returns the name of its preset */
  readonly label: (raster: Raster) => string | undefined;
}

export function createControls(changed: () => void): Controls {
  const level = byId('level', HTMLInputElement);
  const width = byId('width', HTMLInputElement);
  const presets = byId('presets', HTMLElement);
  let kind = '';
  let choices: ReturnType<typeof presetsOf> = [];

  const now = (): Window => ({ center: Number(level.value), width: Number(width.value) });
  const set = (window: Window): void => {
    level.value = String(window.center);
    width.value = String(window.width);
    changed();
  };
  for (const slider of [level, width]) slider.addEventListener('input', changed);

  return {
    now,
    widest: () => Number(width.max),
    set,
    nudge: (steps) => {
      const step = Number(level.step);
      const { center, width: wide } = now();
      set({ center: center + (steps.level ?? 0) * step, width: wide + (steps.width ?? 0) * step });
    },
    usePreset: (place) => {
      const preset = choices[place];
      if (preset !== undefined) set(preset);
    },
    adapt: (raster) => {
      if (kind === `${raster.kind} ${raster.type}`) return;
      kind = `${raster.kind} ${raster.type}`;
      choices = presetsOf(raster);
      const range = rangeOf(raster);
      limit(level, range.center, range.step);
      limit(width, range.width, range.step);
      presets.replaceChildren(
        ...choices.map((preset) => {
          const radio = make('input', '');
          Object.assign(radio, { type: 'radio', name: 'preset', value: preset.id });
          radio.addEventListener('change', () => set(preset));
          return make('label', '', radio, make('span', '', preset.name));
        }),
      );
      const [first] = choices;
      if (first !== undefined) set(first);
    },
    label: (raster) => {
      const window = now();
      const unit = raster.kind === 'hu' ? ' HU' : '';
      byId('level-value', HTMLOutputElement).textContent = `${window.center}${unit}`;
      byId('width-value', HTMLOutputElement).textContent = `${window.width}${unit}`;
      const chosen = choices.find((one) => one.center === window.center && one.width === window.width);
      for (const radio of presets.querySelectorAll('input')) radio.checked = radio.value === chosen?.id;
      return chosen?.name;
    },
  };
}

function limit(slider: HTMLInputElement, [from, to]: readonly [number, number], step: number): void {
  Object.assign(slider, { min: String(from), max: String(to), step: String(step) });
}
