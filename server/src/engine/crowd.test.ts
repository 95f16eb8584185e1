import { expect, it } from 'vitest';
import { createCrowd } from './crowd.ts';

it('is no crowd when two images happen to meet, is one when they keep meeting, and calms down', () => {
  let now = 0;
  const crowd = createCrowd(() => now);
  for (const others of [0, 1, 0, 1, 0]) crowd.note(others);
  expect(crowd.isCrowded()).toBe(false);
  crowd.note(1);
  expect(crowd.isCrowded()).toBe(true);
  now = 1_500;
  expect([crowd.isCrowded(), crowd.calmInMs()]).toEqual([true, 500]);
  crowd.note(0); // alone: does not prolong it
  now = 2_000;
  expect([crowd.isCrowded(), crowd.calmInMs(), crowd.calmForMs()]).toEqual([false, 0, 2_000]);
});

it('forgets meetings of long ago', () => {
  let now = 0;
  const crowd = createCrowd(() => now);
  for (let meeting = 0; meeting < 10; meeting += 1) {
    crowd.note(1);
    now += 2_000;
  }
  expect(crowd.isCrowded()).toBe(false);
});
