export { runDemo, type DemoOptions, type DemoResult } from './demo/run.ts';
export { createScreen, type Screen, type Terminal } from './demo/screen.ts';
export { builtInTarget, type Target } from './demo/target.ts';
export { createForwards, type Forwards } from './demo/state.ts';
