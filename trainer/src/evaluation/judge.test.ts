import { describe, expect, it } from 'vitest';
import { defined } from '../../test/figures.ts';
import { someScores } from '../../test/scores.ts';
import { assess, type AssessInput } from './assess.ts';
import { decide } from './decide.ts';
import { judge } from './judge.ts';

const classes = { labels: ['benign', 'malignant'], positiveLabel: 'malignant' };
const validation = someScores({ patients: 60, seed: 'v' });
const test = someScores({ patients: 60, seed: 't' });
const facts = new Map([...validation.facts, ...test.facts]);
const decision = decide({ ...classes, validation: validation.scores, facts });
const input: AssessInput = { ...classes, part: 'test', scores: test.scores, decision, facts };
const options = { seed: 1, resamples: 200 };
const assessment = assess(input, options);
const unit = defined(assessment.levels.unit.aucRoc);
const low = defined(unit.bootstrap).low;

describe('judge', () => {
  it.each([
    ['lets a model pass that just reaches the gate', { minAucRoc: unit.value }, true],
    ['refuses one below', { minAucRoc: unit.value + 1e-9 }, false],
    ['lets one pass whose interval begins at the gate', { minAucRocLower95: low }, true],
    [
      'refuses one whose AUC is above the gate but whose interval begins below',
      { minAucRocLower95: unit.value },
      false,
    ],
    ['refuses where one of two gates is missed', { minAucRoc: 0.5, minAucRocLower95: 0.9999 }, false],
    ['lets every finished model pass without a gate', {}, true],
  ])('%s', (_, gates, passed) => {
    const verdict = judge(assessment, { level: 'unit', ...gates });
    expect(verdict.passed).toBe(passed);
    expect(verdict.message).toContain(`on ${assessment.levels.unit.samples} test units`);
    expect(verdict.gates).toHaveLength(Object.keys(gates).length);
  });

  it('judges images unless told, and names the gate that was missed with figure and bound', () => {
    const verdict = judge(assessment, { minAucRoc: 1 });
    expect(verdict.message).toContain('test images');
    expect(verdict.gates).toEqual([
      {
        name: 'aucRoc',
        passed: false,
        value: defined(assessment.levels.image.aucRoc).value,
        bound: 1,
        message: 'it is below the gate of 1',
      },
    ]);
  });

  it('wants every shortcut beaten, or those that are named', () => {
    const beaten = judge(assessment, { level: 'unit', beatsShortcuts: ['meanGrey'] });
    expect(beaten).toMatchObject({ passed: true, gates: [{ name: 'beatsShortcuts', bound: 0 }] });
    const coin = someScores({ patients: 60, seed: 't', skill: 0.1 });
    const verdict = judge(assess({ ...input, scores: coin.scores }, options), {
      level: 'unit',
      beatsShortcuts: true,
    });
    expect(verdict.passed).toBe(false);
    expect(verdict.message).toMatch(/does not beat (diameterMm|fileBytes) alone/);
  });

  it('passes no gate on a figure that is not defined, or on a shortcut that was not measured', () => {
    const benign = assess(
      { ...input, scores: test.scores.filter(({ label }) => label === 'benign') },
      options,
    );
    const all = { minAucRoc: 0, minAucRocLower95: 0, beatsShortcuts: true } as const;
    expect(judge(benign, all).gates.map(({ passed }) => passed)).toEqual([false, false, false]);
    expect(judge(assessment, { beatsShortcuts: ['weight'] }).message).toContain(
      'weight (it was not measured)',
    );
    const { facts: _, ...without } = input;
    expect(judge(assess(without, options), { beatsShortcuts: true }).message).toContain(
      'no shortcut was measured',
    );
  });

  it('does not let a model pass below the champion by more than the margin, and passes where there is none', () => {
    const better = someScores({ patients: 60, seed: 't', skill: 6 });
    const against = assess({ ...input, champion: { name: 'v3', scores: better.scores } }, options);
    expect(judge(against, { notBelowChampion: { margin: 0 } })).toMatchObject({
      passed: false,
      gates: [{ name: 'notBelowChampion', passed: false }],
    });
    expect(judge(against, { notBelowChampion: { margin: 0.5 } }).passed).toBe(true);
    expect(judge(assessment, { notBelowChampion: { margin: 0 } }).passed).toBe(true);
  });
});
