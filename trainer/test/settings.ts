/** Settings of a short run: the head alone, at 32 pixels. */
import type { Settings } from '../src/study/variables.ts';
import { aRecipe } from './runs.ts';

export function someSettings(): Settings {
  return {
    preprocessing: { inputSize: 32, window: { center: -600, width: 1500 } },
    ...aRecipe({
      model: { headUnits: 16, dropout: 0.2 },
      hyperparameters: { learningRate: 0.003 },
    }),
  };
}
