/** The switch of the heat map, and the map of the slice that is shown. */
import type { Explanation } from '@hilum/wire';
import { type Api, Refusal } from './api.ts';
import { byId } from './dom.ts';
import type { Slice } from './files.ts';
import type { Stage } from './stage.ts';
import { aboutMap, noOverlay } from './words.ts';

export interface Heat {
  /** Another slice is shown; its map is asked for where the switch is on. */
  readonly show: (slice: Slice, signal: AbortSignal) => Promise<void>;
  /** Whether maps may be asked for; the switch goes off. */
  readonly allow: (may: boolean) => void;
  readonly toggle: () => void;
}

export function createHeat(api: Api, stage: Stage): Heat {
  const on = byId('heat', HTMLInputElement);
  const opacity = byId('opacity', HTMLInputElement);
  const note = byId('heat-note', HTMLElement);
  // A map is small; it is forgotten with its slice.
  const maps = new WeakMap<Slice, Explanation>();
  let shown: { readonly slice: Slice; readonly signal: AbortSignal } | undefined;

  const draw = (): void => {
    const map = on.checked && shown !== undefined ? maps.get(shown.slice) : undefined;
    stage.overlay(map);
    byId('opacity-row', HTMLElement).hidden = map === undefined || map.empty;
    if (map !== undefined) note.textContent = aboutMap(map);
    else if (!on.checked) note.textContent = '';
  };

  const ask = async (): Promise<void> => {
    draw();
    if (!on.checked || shown === undefined || maps.has(shown.slice)) return;
    const { slice, signal } = shown;
    note.textContent = 'Asking for the heat map…';
    try {
      maps.set(slice, await api.explain(slice, signal));
      if (!signal.aborted) draw();
    } catch (error) {
      if (signal.aborted) return;
      on.checked = false;
      draw();
      note.textContent =
        error instanceof Refusal ? noOverlay(error) : 'No heat map: the answer cannot be read.';
    }
  };

  const fade = (): void => {
    stage.opacity(Number(opacity.value) / 100);
    byId('opacity-value', HTMLOutputElement).textContent = `${opacity.value} %`;
  };
  on.addEventListener('change', () => void ask());
  opacity.addEventListener('input', fade);
  fade();

  return {
    show: async (slice, signal) => {
      shown = { slice, signal };
      await ask();
    },
    allow: (may) => {
      on.disabled = !may;
      on.checked = false;
      draw();
    },
    toggle: () => on.click(),
  };
}
