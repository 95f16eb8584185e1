import { describe, expect, it } from 'vitest';
import { answerOf, joined } from './batch.ts';

describe('a batch', () => {
  it('is its images one after the other, and a single one as it is', () => {
    const [a, b] = [Float32Array.of(1, 2), Float32Array.of(3, 4)];
    expect(joined([a, b])).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(joined([a])).toBe(a);
    expect(() => joined([])).toThrow(RangeError);
  });

  it('gives each image its own part, of each view where the network looks at mirrored ones', () => {
    // Two images, four views, one channel of one value: view by view, as MirroredViews concatenates.
    const answer = {
      probabilities: Float32Array.of(0.1, 0.9, 0.4, 0.6),
      activations: {
        features: Float32Array.of(10, 20),
        maps: Float32Array.of(1, 2, 11, 12, 21, 22, 31, 32),
        channels: 1,
        side: 1,
        views: 4,
      } as const,
      inferMs: 5,
    };
    const shape = { channels: 1, side: 1, views: 4 };
    expect(answerOf(answer, 1, 2)).toEqual({
      probabilities: Float32Array.of(0.4, 0.6),
      activations: { ...shape, features: Float32Array.of(20), maps: Float32Array.of(2, 12, 22, 32) },
    });
    expect(answerOf({ ...answer, probabilities: Float32Array.of(1, 0) }, 0, 1).probabilities).toHaveLength(2);
  });
});
