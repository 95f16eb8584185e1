import { describe, expect, it } from 'vitest';
import type { Measured, Step } from './measure.ts';
import { type BenchResult, answersPerCpuSecond, shareInTime } from './figures.ts';
import { shortcomings } from './goals.ts';
import { markdownOf } from './report.ts';

const LATENCIES = [0.1, 0.2];

function aStep(kind: Step['kind'], cpuSeconds: number, peakMiB = 300): Measured['steps'][number] {
  return {
    step: { kind, concurrency: 16, requests: 2 },
    latencies: LATENCIES,
    failures: {},
    worstDifference: 0,
    wallSeconds: 1,
    answeringSeconds: 1,
    cpuSeconds,
    peakMiB,
    peakPssMiB: peakMiB,
  };
}

function aRow(peer: string, steps: Measured['steps'], startSeconds = 0.5): Measured {
  const idle = { idleMiB: 200, idleCpuPercent: 0, processes: 1 };
  return { peer, startSeconds, steps, overload: undefined, ...idle };
}

function overloaded(peer: string, answers: number): Measured {
  const loaded = { ...aStep('png', 1), latencies: Array.from({ length: answers }, () => 1) };
  const asked = { perSecond: 6, seconds: 10, deadlineMs: 5_000 };
  return { ...aRow(peer, []), overload: { ...loaded, answeringSeconds: 10, asked } };
}

const GOOD: BenchResult = {
  date: '2026-01-02',
  machine: { cpu: 'a processor', cores: 2, node: '24' },
  load: { before: 0, after: 0 },
  floors: [{ threads: 1, cpuSecondsPerImage: 0.1, secondsPerImage: 0.1 }],
  names: { hilum: 'Hilum', other: 'Another' },
  rows: [
    aRow('hilum', [aStep('png', 0.2), aStep('binary', 0.2)]),
    aRow('other', [aStep('png', 0.25), aStep('binary', 0.25)]),
  ],
  overloads: [overloaded('hilum', 20), overloaded('other', 10)],
  nulls: [
    aRow(
      'hilum',
      (['png', 'json', 'binary'] as const).map((kind) => aStep(kind, 0.001)),
    ),
    aRow(
      'other',
      (['png', 'json', 'binary'] as const).map((kind) => aStep(kind, 0.002)),
    ),
  ],
  further: [aRow('hilum-int8', [aStep('png', 0.05)])],
  failures: {},
};

describe('the report of the bench of servers', () => {
  it('pools the rounds of a server by their CPU time', () => {
    const rows = [...GOOD.rows, aRow('hilum', [aStep('png', 0.6)])];
    expect(answersPerCpuSecond(rows, 'hilum', 'png')).toBeCloseTo(4 / 0.8, 9);
    expect(answersPerCpuSecond(rows, 'hilum', 'json')).toBeUndefined();
  });

  it('holds the answers in time against what the fastest server could have given', () => {
    // Two answers a second for ten seconds.
    expect(GOOD.overloads.map((row) => shareInTime(GOOD, row))).toEqual([1, 0.5]);
  });

  it('finds nothing to say where all goals are reached', () => {
    expect(shortcomings(GOOD)).toEqual([]);
    expect(markdownOf(GOOD)).toContain('All goals were reached.');
  });

  it.each([
    ['png: 10.0 % above', { rows: [aRow('hilum', [aStep('png', 0.22)]), ...GOOD.rows.slice(1)] }],
    [
      "the stack's own cost is 1.00",
      { nulls: [aRow('hilum', [aStep('png', 0.002)]), ...GOOD.nulls.slice(1)] },
    ],
    ['int8: 1.00 of', { further: [aRow('hilum-int8', [aStep('png', 0.25)])] }],
    ['overload: 50.0 %', { overloads: [overloaded('hilum', 10)] }],
    ['first right answer after 2.00 s', { rows: GOOD.rows.map((row) => ({ ...row, startSeconds: 2 })) }],
    ['peak RSS 400 MiB', { rows: [aRow('hilum', [aStep('png', 0.2, 400)]), ...GOOD.rows.slice(1)] }],
    ['our own server was not measured', { rows: GOOD.rows.slice(1) }],
  ])('says that "%s" where a goal is missed', (text, change) => {
    const missed = shortcomings({ ...GOOD, ...change });
    expect(missed.join('\n')).toContain(text);
    expect(markdownOf({ ...GOOD, ...change })).toContain(`- ${missed[0] ?? 'nothing'}`);
  });

  it('names a server that could not be measured, and why', () => {
    expect(markdownOf({ ...GOOD, failures: { other: 'no wheel\nfor this Python' } })).toContain(
      '- other: no wheel\n',
    );
  });
});
