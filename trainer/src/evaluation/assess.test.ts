import { decisionSchema } from '@hilum/model';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defined, near } from '../../test/figures.ts';
import { someScores } from '../../test/scores.ts';
import { summarise, type ImageScore } from '../evaluation.ts';
import { isDefined } from '../statistics/samples.ts';
import { assess, type AssessInput } from './assess.ts';
import { decide } from './decide.ts';
import { LEVELS } from './levels.ts';

const classes = { labels: ['benign', 'malignant'], positiveLabel: 'malignant' };
const validation = someScores({ patients: 80, seed: 'validation' });
const test = someScores({ patients: 90, seed: 'test' });
const facts = new Map([...validation.facts, ...test.facts]);
const decision = decide({ ...classes, validation: validation.scores, facts });
const input: AssessInput = { ...classes, part: 'test', scores: test.scores, decision, facts };
const options = { seed: 7, resamples: 200 };
const assessment = assess(input, options);

describe('decide', () => {
  it('keeps the sensitivity that the rule asks for on validation, at each level', () => {
    for (const level of LEVELS) {
      const point = defined(decision.levels[level].operatingPoint);
      expect(point.sensitivity).toBeGreaterThanOrEqual(0.9);
      expect(point.specificity).toBeGreaterThan(0);
    }
  });

  it('is read back from its file as it was written', () => {
    expect(decisionSchema.parse(JSON.parse(JSON.stringify(decision)))).toEqual(decision);
    const train = decide({ ...classes, validation: validation.scores, train: test.scores, facts });
    expect(decisionSchema.parse(JSON.parse(JSON.stringify(train)))).toEqual(train);
    expect(decisionSchema.safeParse({ ...decision, version: 2 }).success).toBe(false);
  });

  it('learns which way a shortcut points from validation, and from as much of train as is known', () => {
    const learnt = decision.levels.unit.shortcuts['diameterMm'];
    expect(learnt).toMatchObject({
      positiveWhere: 'higher',
      samples: new Set(unitsOf(validation.scores)).size,
    });
    const train = someScores({ patients: 30, seed: 'train' });
    const both = decide({
      ...classes,
      validation: validation.scores,
      train: train.scores,
      facts: new Map([...facts, ...train.facts]),
    });
    const units = new Set(unitsOf([...validation.scores, ...train.scores]));
    expect(both.levels.unit.shortcuts['diameterMm']).toMatchObject({ samples: units.size });
    // A run need not read the facts of its training images.
    const unread = decide({ ...classes, validation: validation.scores, train: train.scores, facts });
    expect(unread.levels.unit.shortcuts).toEqual(decision.levels.unit.shortcuts);
    expect(both.levels.unit.operatingPoint).toEqual(decision.levels.unit.operatingPoint);
  });

  it('takes the mean and the worst nodule unless told, and with auto the best on validation, which it records', () => {
    expect(decision.aggregation).toEqual({
      unit: 'mean',
      patient: { of: 'units', rule: 'max' },
      chosenBy: 'request',
      candidates: [],
    });
    const auto = decide(
      { ...classes, validation: validation.scores, facts },
      { aggregation: { unit: 'auto', patient: 'auto' } },
    ).aggregation;
    expect(auto.chosenBy).toBe('validation');
    expect(auto.candidates).toHaveLength(5 + 10);
    for (const level of ['unit', 'patient'] as const) {
      const tried = auto.candidates.filter((candidate) => candidate.level === level);
      const best = Math.max(...tried.map(({ aucRoc }) => defined(aucRoc)));
      const rule = level === 'unit' ? auto.unit : auto.patient.rule;
      const of = level === 'unit' ? 'images' : auto.patient.of;
      expect(tried.find((each) => each.rule === rule && each.of === of)?.aucRoc).toBe(best);
    }
  });

  it('finds that the highest slice tells more where one slice of a nodule shows what it is', () => {
    const images = Array.from({ length: 60 }, (_, at): ImageScore => {
      const [nodule, slice] = [Math.floor(at / 3), at % 3];
      const label = nodule % 2 === 0 ? 'malignant' : 'benign';
      // Blurred slices lean to malignant in benign nodules; the mean then ranks the wrong way round.
      const malignant = label === 'malignant' ? (slice === 0 ? 0.9 : 0.1) : 0.5;
      const unit = `${label}/p${nodule}/n`;
      const probabilities = { benign: 1 - malignant, malignant };
      return { file: `${unit}/${slice}`, label, patient: `p${nodule}`, unit, probabilities };
    });
    const { aggregation } = decide({ ...classes, validation: images }, { aggregation: { unit: 'auto' } });
    expect(aggregation.unit).toBe('max');
  });
});

describe('assess', () => {
  it('has the bare figures that summarise has, per image and per unit', () => {
    const evaluation = summarise(test.scores, { ...classes, part: 'test' });
    const { image, unit } = assessment.levels;
    for (const [level, figures] of [
      [image, evaluation],
      [unit, evaluation.perUnit],
    ] as const) {
      expect(level.samples).toBe(figures.samples);
      expect(defined(level.accuracy.wilson).value).toEqual(near(figures.accuracy));
      expect(defined(level.aucRoc).value).toEqual(near(figures.aucRoc));
    }
  });

  it('draws by patient: slices make no interval narrower, as if they were patients of their own', () => {
    const alone = test.scores.map(({ file, ...rest }) => ({ ...rest, file, patient: file }));
    expect(width(test.scores)).toBeGreaterThan(1.3 * width(alone));
  });

  it('does not feel the order of the scores', () => {
    const order = fc.shuffledSubarray([...test.scores], {
      minLength: test.scores.length,
      maxLength: test.scores.length,
    });
    fc.assert(
      fc.property(order, (scores) => {
        expect(assess({ ...input, scores }, { seed: 7, resamples: 20 })).toEqual(
          assess(input, { seed: 7, resamples: 20 }),
        );
      }),
      { numRuns: 4 },
    );
  });

  it('is the same for the same seed and has other intervals for another', () => {
    expect(assess(input, options)).toEqual(assessment);
    expect(assess(input, { ...options, seed: 8 }).levels.unit.aucRoc).not.toEqual(
      assessment.levels.unit.aucRoc,
    );
  });

  it('chooses nothing on test: its threshold, temperature and conformal threshold are those of the decision', () => {
    const turned = test.scores.map((score) => ({
      ...score,
      label: score.label === 'benign' ? 'malignant' : 'benign',
    }));
    for (const scores of [test.scores, turned]) {
      const { operating, calibration, abstention } = assess({ ...input, scores }, options).levels.unit;
      const learnt = decision.levels.unit;
      expect(defined(operating).chosen).toEqual(learnt.operatingPoint);
      expect(defined(calibration).temperature).toBe(defined(learnt.temperature).temperature);
      expect(defined(abstention).alpha).toBe(defined(learnt.conformal).alpha);
    }
  });

  it('covers about what the conformal threshold promises, with as many answers as samples', () => {
    const learnt = decide({ ...classes, validation: many('conformal').scores }, { conformalAlpha: 0.2 });
    const { patient } = assess(
      { ...classes, part: 'test', scores: many('fresh').scores, decision: learnt },
      { seed: 1, resamples: 2 },
    ).levels;
    const abstention = defined(patient.abstention);
    expect(defined(abstention.coverage).value).toEqual(near(0.8, 1));
    expect(abstention.setSizes.reduce((sum, count) => sum + count, 0)).toBe(patient.samples);
  });

  it('sets the model beside each shortcut, and the nodules apart by diameter', () => {
    const { diameterMm, meanGrey } = assessment.levels.unit.shortcuts;
    const beaten = defined(defined(meanGrey ?? { notDefined: '' }).model);
    expect(defined(beaten.bootstrap).low).toBeGreaterThan(0);
    expect(defined(defined(diameterMm ?? { notDefined: '' }).auc).value).toBeGreaterThan(0.5);
    const bands = assessment.subgroups.filter(({ attribute }) => attribute === 'diameter');
    expect(bands.map(({ value }) => value)).toEqual(
      expect.arrayContaining(['0 to 6 mm', '8 to 15 mm']) as unknown,
    );
    expect(bands.reduce((sum, row) => sum + row.samples, 0)).toBe(assessment.levels.unit.samples);
    expect(bands[0]?.rates).toBeDefined();
  });

  it('compares with a champion on the samples that both have scored', () => {
    const coin = someScores({ patients: 90, seed: 'test', skill: 0.2 });
    const some = coin.scores.filter(({ patient }) => !patient.endsWith('0000'));
    const { champion } = assess({ ...input, champion: { name: 'v1', scores: some } }, options).levels.patient;
    const compared = defined(champion ?? { notDefined: 'absent' });
    expect(compared.samples).toBe(89);
    expect(defined(compared.model).difference).toBeGreaterThan(0);
    expect(defined(defined(compared.model).deLong).pValue).toBeLessThan(0.05);
    const foreign = test.scores.map((score) => ({ ...score, probabilities: { cat: 1 } }));
    expect(
      assess({ ...input, champion: { name: 'cats', scores: foreign } }, options).levels.unit.champion,
    ).toEqual({
      notDefined: 'the champion has no label malignant',
    });
  });

  it('is not below itself: the difference is 0 with a p of 1', () => {
    const { champion } = assess({ ...input, champion: { name: 'self', scores: test.scores } }, options).levels
      .unit;
    expect(defined(champion ?? { notDefined: '' }).model).toMatchObject({
      difference: 0,
      deLong: { pValue: 1 },
    });
  });

  it('works with three labels: each against the rest, and their mean', () => {
    const labels = ['benign', 'malignant', 'normal'];
    const three = someScores({ patients: 60, seed: 'three', labels });
    const decided = decide({ labels, positiveLabel: 'malignant', validation: three.scores });
    const { levels } = assess(
      { labels, positiveLabel: 'malignant', part: 'test', scores: three.scores, decision: decided },
      options,
    );
    const figures = levels.unit.classes;
    expect(Object.keys(figures?.oneVersusRest ?? {})).toEqual(labels);
    expect(figures?.oneVersusRest['malignant']).toEqual(levels.unit.aucRoc);
    const all = labels.map((label) => defined(figures?.oneVersusRest[label] ?? { notDefined: '' }).value);
    expect(figures?.macroAucRoc).toEqual(near(all.reduce((sum, value) => sum + value, 0) / 3));
    expect(levels.unit.confusion.counts).toHaveLength(3);
    expect(defined(levels.unit.abstention).setSizes).toHaveLength(4);
  });

  it('says why where there is nothing to say: one class, no decision', () => {
    const benign = test.scores.filter(({ label }) => label === 'benign');
    const poor = assess({ ...classes, part: 'all', scores: benign }, options);
    const { unit } = poor.levels;
    expect(unit.aucRoc).toHaveProperty('notDefined', expect.stringContaining('positive'));
    expect(unit.operating).toHaveProperty('notDefined', expect.stringContaining('decision.json'));
    expect(unit.abstention).toHaveProperty('notDefined');
    expect(defined(unit.calibration)).not.toHaveProperty('after');
    expect(unit.curves.roc).toEqual([]);
    expect(poor.caveats.join(' ')).toContain('No threshold was chosen');
    expect(() => assess({ ...classes, part: 'all', scores: [] }, options)).not.toThrow();
  });

  it('is JSON without loss, and of a size that does not grow with the samples', () => {
    expect(JSON.parse(JSON.stringify(assessment))).toEqual(assessment);
    const many = someScores({ patients: 1500, seed: 'many' });
    const large = assess({ ...input, scores: many.scores, facts: many.facts }, { seed: 1, resamples: 2 });
    expect(large.levels.image.samples).toBeGreaterThan(6000);
    expect(JSON.stringify(large).length).toBeLessThan(500_000);
    for (const level of LEVELS) {
      const { roc, precisionRecall, shortcuts } = large.levels[level].curves;
      for (const curve of [roc, precisionRecall, ...Object.values(shortcuts)]) {
        expect(curve.length).toBeLessThanOrEqual(500);
      }
      expect(roc[0]).toEqual({ fpr: 0, tpr: 0 });
      expect(roc.at(-1)).toMatchObject({ fpr: 1, tpr: 1 });
    }
  });

  it('names no file and no patient', () => {
    const text = JSON.stringify(assessment);
    expect(text).not.toContain('exam-');
    expect(text).not.toContain('.png');
  });

  it('warns of what is learnt by heart, of shortcuts that are not beaten and of few patients', () => {
    const coin = someScores({ patients: 30, seed: 'coin', skill: 0.1 });
    const known = new Map([...facts, ...coin.facts]);
    const decided = decide({ ...classes, validation: validation.scores, train: test.scores, facts: known });
    const { caveats } = assess({ ...input, scores: coin.scores, decision: decided, facts: known }, options);
    const text = caveats.join('\n');
    expect(text).toContain('learnt by heart');
    expect(text).toMatch(/not shown that the model knows more than .*diameterMm/);
    expect(text).toContain('patients are of the rarer');
    expect(isDefined(assessment.levels.unit.aucRoc)).toBe(true);
  });
});

function many(seed: string): ReturnType<typeof someScores> {
  return someScores({ patients: 800, seed });
}

/** Of the interval of the AUC by image. */
function width(scores: readonly ImageScore[]): number {
  const { aucRoc } = assess({ ...input, scores }, options).levels.image;
  const { low, high } = defined(defined(aucRoc).bootstrap);
  return high - low;
}

function unitsOf(scores: readonly ImageScore[]): readonly string[] {
  return scores.map(({ unit }) => unit);
}
