/** Keys and mouse on the image. */
import type { Controls } from './controls.ts';

export interface Moves {
  /** False while there is no image. */
  readonly ready: () => boolean;
  readonly controls: Controls;
  /** So many slices on. */
  readonly step: (slices: number) => void;
  readonly toggleHeat: () => void;
}

const KEY_STEPS = 2;
/** Of the mouse, from the narrowest window to the widest. */
const PIXELS = 1000;

export function listenToHands(frame: HTMLElement, { ready, controls, step, toggleHeat }: Moves): void {
  const keys: Readonly<Record<string, () => void>> = {
    '1': () => controls.usePreset(0),
    '2': () => controls.usePreset(1),
    ArrowUp: () => controls.nudge({ level: KEY_STEPS }),
    ArrowDown: () => controls.nudge({ level: -KEY_STEPS }),
    ArrowRight: () => controls.nudge({ width: KEY_STEPS }),
    ArrowLeft: () => controls.nudge({ width: -KEY_STEPS }),
    PageUp: () => step(1),
    PageDown: () => step(-1),
    h: toggleHeat,
  };
  frame.addEventListener('keydown', (event) => {
    const act = keys[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey || !ready()) return;
    event.preventDefault();
    act();
  });

  // As at a PACS: up and down for the level, left and right for the width. A finger scrolls the page.
  let grip = controls.now();
  frame.addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'touch' || !ready()) return;
    grip = controls.now();
    frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener('pointermove', (event) => {
    if (!frame.hasPointerCapture(event.pointerId)) return;
    const perPixel = controls.widest() / PIXELS;
    // Not of the sliders, which round to their steps.
    grip = {
      center: grip.center + event.movementY * perPixel,
      width: grip.width + event.movementX * perPixel,
    };
    controls.set(grip);
  });
}
