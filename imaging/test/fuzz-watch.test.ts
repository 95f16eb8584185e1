import { expect, test } from 'vitest';
import { runAlone } from '../fuzz/alone.ts';
import { runFleet } from '../fuzz/fleet.ts';

// A stand-in for the decoding process that misbehaves by the index of the case (see fuzz-bad-child.ts).
const lane = {
  seed: 1,
  only: '**',
  data: 'none',
  child: new URL('fuzz-bad-child.ts', import.meta.url),
  hangMs: 3000,
} as const;

test.each([
  [1, 'CRASH', 'ends its process'],
  [2, 'OUTPUT', 'prints'],
  [3, 'HANG', 'never answers'],
  [5, 'CRASH', 'leaves a rejection to nobody'],
  [6, 'SLOW', 'computes for more than two seconds, three times'],
  [8, 'CANARY', 'is told by its process to be bad'],
])('case %i is found out alone: %s, since it %s', async (index, kind) => {
  const { findings } = await runAlone(lane, index);
  expect(findings.map((finding) => finding.kind)).toEqual([kind]);
});

test('case 100 is found out alone: MEMORY, since it holds more than a gigabyte', async () => {
  const { findings } = await runAlone({ ...lane, hangMs: 60_000 }, 100);
  expect(findings.map((finding) => finding.kind)).toEqual(['MEMORY']);
});

test.each([
  [0, 'does nothing bad'],
  [7, 'waited for a processor'],
])('case %i is no finding, since it %s', async (index) => {
  expect((await runAlone(lane, index)).findings).toEqual([]);
});

test('beside other cases each bad one is found, by its own index, and the run goes on', async () => {
  const summary = await runFleet({ ...lane, jobs: 1, first: 0, cases: 40 });
  const found = summary.found.map(({ index, findings }) => `${index} ${findings[0]?.kind}`).toSorted();
  expect(found).toEqual(['1 CRASH', '2 OUTPUT', '3 HANG', '5 CRASH', '6 SLOW', '8 CANARY']);
  expect(summary.cases).toBe(40);
});
