import { describe, expect, it } from 'vitest';
import { learningRateAt } from './learning-rate.ts';

const recipe = { learningRate: 0.8, schedule: 'constant', warmupEpochs: 0, epochs: 4 } as const;
const curve = (
  changes: Partial<Parameters<typeof learningRateAt>[0]['recipe']>,
  steps: number,
  halvings = 0,
) =>
  Array.from({ length: steps }, (_, step) =>
    learningRateAt({ recipe: { ...recipe, ...changes }, step, stepsPerEpoch: 2, halvings }),
  );

describe('the step size', () => {
  it('is the same at every step without warm-up', () => {
    expect(curve({}, 8)).toEqual(Array.from({ length: 8 }, () => 0.8));
  });

  it.each(['constant', 'cosine', 'plateau'] as const)(
    'grows in equal parts to the highest, whatever is scheduled then (%s)',
    (schedule) => {
      const [first, second, third, fourth, fifth] = curve({ schedule, warmupEpochs: 2 }, 5);
      expect([first, second, third, fourth]).toEqual([0.2, 0.4, 0.8 * 0.75, 0.8]);
      expect(fifth).toBe(0.8);
    },
  );

  it('falls along half a cosine that reaches 0 one step after the last', () => {
    // As tf.keras.optimizers.schedules.CosineDecay(0.8, decay_steps=8) gives it, rounded.
    const want = [0.8, 0.76955181, 0.68284271, 0.55307337, 0.4, 0.24692663, 0.11715729, 0.03044819, 0];
    const have = curve({ schedule: 'cosine' }, 9);
    for (const [at, rate] of have.entries()) expect(rate).toBeCloseTo(want[at] ?? Number.NaN, 7);
  });

  it('begins its cosine after the warm-up', () => {
    expect(curve({ schedule: 'cosine', warmupEpochs: 2 }, 7).slice(4)).toEqual(
      curve({ schedule: 'cosine', epochs: 2 }, 3),
    );
  });

  it('is halved by every plateau, of the schedule that asks for it', () => {
    expect(curve({ schedule: 'plateau' }, 1, 3)).toEqual([0.1]);
    expect(curve({ schedule: 'constant' }, 1, 3)).toEqual([0.8]);
  });
});
