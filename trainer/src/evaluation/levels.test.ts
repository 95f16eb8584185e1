import type { Aggregation } from '@hilum/model';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { near } from '../../test/figures.ts';
import { someScores } from '../../test/scores.ts';
import { summarise, type ImageScore } from '../evaluation.ts';
import { DEFAULT_AGGREGATION, samplesAt } from './levels.ts';

const classes = { labels: ['benign', 'malignant'], positiveLabel: 'malignant' };
const { scores } = someScores({ patients: 12, seed: 'levels' });

function score(file: string, malignant: number): ImageScore {
  const [label = '', patient = ''] = file.split('/');
  const unit = file.slice(0, file.lastIndexOf('/'));
  return { file, label, patient, unit, probabilities: { benign: 1 - malignant, malignant } };
}

/** Probabilities do not matter here. */
function inThree(file: string): ImageScore {
  const [label = '', patient = '', nodule = ''] = file.split('/');
  const probabilities = { benign: 0.2, malignant: 0.3, normal: 0.5 };
  return { file, label, patient, unit: `${label}/${patient}/${nodule}`, probabilities };
}

const twoNodules = [
  score('benign/p1/n1/1.png', 0.9),
  score('benign/p1/n1/2.png', 0.1),
  score('malignant/p1/n2/1.png', 0.6),
  score('benign/p2/n1/1.png', 0.3),
];

describe('samplesAt', () => {
  it('has the units that summarise has, with its means', () => {
    const evaluation = summarise(scores, { ...classes, part: 'test' });
    const units = samplesAt('unit', scores, DEFAULT_AGGREGATION, classes);
    expect(units).toHaveLength(evaluation.units.length);
    for (const { unit, probabilities, label } of evaluation.units) {
      const ours = units.find(({ name }) => name === unit);
      expect(ours?.label).toBe(label);
      expect(ours?.probabilities['malignant']).toEqual(near(probabilities['malignant'] ?? 0));
    }
  });

  it('calls a patient positive where any nodule is, by the most suspicious nodule', () => {
    const patients = samplesAt('patient', twoNodules, DEFAULT_AGGREGATION, classes);
    expect(patients.map(({ name, label }) => [name, label])).toEqual([
      ['p1', 'malignant'],
      ['p2', 'benign'],
    ]);
    // The means of the nodules are 0.5 and 0.6; the slice of 0.9 is not asked.
    expect(patients[0]?.probabilities['malignant']).toEqual(near(0.6));
    const ofImages: Aggregation = { unit: 'mean', patient: { of: 'images', rule: 'max' } };
    expect(samplesAt('patient', twoNodules, ofImages, classes)[0]?.probabilities['malignant']).toEqual(
      near(0.9),
    );
  });

  it('gives a patient without a positive unit the label of most units', () => {
    const three = { labels: ['benign', 'malignant', 'normal'], positiveLabel: 'malignant' };
    const images = ['benign/p1/a/1', 'normal/p1/b/1', 'normal/p1/c/1', 'normal/p2/a/1', 'benign/p2/b/1'].map(
      inThree,
    );
    const labels = samplesAt('patient', images, DEFAULT_AGGREGATION, three).map(({ label }) => label);
    expect(labels).toEqual(['normal', 'benign']);
  });

  it('does not feel the order of the images, and keeps every image once', () => {
    const order = fc.shuffledSubarray([...scores], { minLength: scores.length, maxLength: scores.length });
    fc.assert(
      fc.property(order, fc.constantFrom('image', 'unit', 'patient' as const), (shuffled, level) => {
        const got = samplesAt(level, shuffled, DEFAULT_AGGREGATION, classes);
        expect(got).toEqual(samplesAt(level, scores, DEFAULT_AGGREGATION, classes));
        expect(got.flatMap(({ files }) => files).toSorted()).toEqual(
          scores.map(({ file }) => file).toSorted(),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('is the same in two steps as in one where every rule is the highest', () => {
    const two: Aggregation = { unit: 'max', patient: { of: 'units', rule: 'max' } };
    const one: Aggregation = { unit: 'max', patient: { of: 'images', rule: 'max' } };
    expect(samplesAt('patient', scores, two, classes)).toEqual(samplesAt('patient', scores, one, classes));
  });
});
