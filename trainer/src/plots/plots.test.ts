import { describe, expect, it } from 'vitest';
import { someScores } from '../../test/scores.ts';
import { assess, type AssessInput } from '../evaluation/assess.ts';
import { decide } from '../evaluation/decide.ts';
import { plotFiles } from './plots.ts';
import { folded } from './theme.ts';

const classes = { labels: ['benign', 'malignant'], positiveLabel: 'malignant' };
const validation = someScores({ patients: 40, seed: 'validation' });
const test = someScores({ patients: 40, seed: 'test' });
const facts = new Map([...validation.facts, ...test.facts]);
const decision = decide({ ...classes, validation: validation.scores, facts });
const champion = {
  name: 'champion (version 3)',
  scores: someScores({ patients: 40, seed: 'test', skill: 1 }).scores,
};
const input: AssessInput = { ...classes, part: 'test', scores: test.scores, decision, facts, champion };
const options = { seed: 1, resamples: 100 };
const assessment = assess(input, options);
const history = {
  bestEpoch: 2,
  epochs: [1, 2, 3].map((epoch) => ({
    epoch,
    loss: 1 / epoch,
    valLoss: 1 / epoch,
    valAccuracy: 0.5,
    valAucRoc: epoch === 2 ? 0.9 : 0.8,
    learningRate: 0.001 / epoch,
  })),
};
const files = await plotFiles(assessment, { history });

describe('plotFiles', () => {
  it('draws everything that is defined, each as one SVG that says what it is not for', () => {
    expect(Object.keys(files).toSorted()).toEqual([
      'confusion.svg',
      'history.svg',
      'opponents.svg',
      'precision-recall.svg',
      'reliability.svg',
      'roc.svg',
      'scores.svg',
      'subgroups.svg',
    ]);
    for (const svg of Object.values(files)) {
      expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
      expect(svg).toMatch(/>Research use only, not for diagnosis\.<\/(tspan|text)>/);
      expect(svg).not.toMatch(/NaN|Infinity|undefined|\bnull\b/);
    }
  });

  it('says in words what is seen', () => {
    expect(files['roc.svg']).toContain('malignant is ranked above the rest');
    expect(files['roc.svg']).toContain('diameter alone, AUC');
    expect(files['roc.svg']).toContain('champion (version 3), AUC');
    expect(files['roc.svg']).toContain('chosen on validation');
    expect(files['history.svg']).toContain('Epoch 2 of 3 was kept');
    expect(files['opponents.svg']).toContain('the model is better by');
  });

  it('has the same bytes for the same figures', async () => {
    expect(await plotFiles(assess(input, options), { history })).toEqual(files);
  });

  it('names no file and no patient', () => {
    const text = Object.values(files).join('');
    expect(text).not.toContain('exam-');
    expect(text).not.toContain('.png');
  });

  it('leaves out what is not defined', async () => {
    const benign = test.scores.filter(({ label }) => label === 'benign');
    const poor = assess({ ...classes, part: 'all', scores: benign }, options);
    const drawn = Object.keys(await plotFiles(poor)).toSorted();
    expect(drawn).toEqual(['confusion.svg', 'reliability.svg', 'scores.svg']);
    const none = assess({ ...classes, part: 'all', scores: [] }, options);
    expect(await plotFiles(none)).toEqual({});
  });

  it('keeps the markup of a label out of the markup of the plot', async () => {
    const hostile = { labels: ['<b>&"', 'malignant'], positiveLabel: 'malignant' };
    const { scores } = someScores({ patients: 20, seed: 'hostile', labels: hostile.labels });
    const drawn = await plotFiles(assess({ ...hostile, part: 'all', scores }, options));
    for (const svg of Object.values(drawn)) expect(svg).not.toContain('<b>');
    expect(drawn['confusion.svg']).toContain('&lt;b&gt;&amp;');
  });

  it('shows a diverged loss as a gap', async () => {
    const [first, second] = history.epochs;
    if (first === undefined || second === undefined) throw new Error('two epochs are given above');
    const diverged = { bestEpoch: 1, epochs: [first, { ...second, loss: Number.NaN, valLoss: Infinity }] };
    const { 'history.svg': svg } = await plotFiles(assessment, { history: diverged });
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});

describe('folded', () => {
  it('breaks at spaces only, within the width where a word fits', () => {
    expect(folded('one two three', 8)).toEqual(['one two', 'three']);
    expect(folded('averyveryverylongword', 5)).toEqual(['averyveryverylongword']);
  });
});
