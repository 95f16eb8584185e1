import { describe, expect, it } from 'vitest';
import { summarise, type ImageScore } from './evaluation.ts';
import { rocCsv } from './report-files.ts';

function score(file: string, malignant: number): ImageScore {
  const [label = '', patient = ''] = file.split('/');
  const unit = file.slice(0, file.lastIndexOf('/'));
  return { file, label, patient, unit, probabilities: { benign: 1 - malignant, malignant } };
}

const evaluation = summarise(
  [
    score('benign/p1/n1/1.png', 0.6),
    score('benign/p1/n1/2.png', 0.1),
    score('benign/p2/n1/1.png', 0.2),
    score('malignant/p1/n2/1.png', 0.55),
    score('malignant/p3/n1/1.png', 0.9),
  ],
  { labels: ['benign', 'malignant'], positiveLabel: 'malignant', part: 'test' },
);

describe('summarise', () => {
  it('judges images one by one and units by the mean of their images', () => {
    expect(evaluation).toMatchObject({
      samples: 5,
      accuracy: 0.8,
      note: 'Research use only, not for diagnosis.',
    });
    // One of the six pairs is ranked wrong: 0.55 under 0.6.
    expect(evaluation.aucRoc).toBeCloseTo(5 / 6, 12);
    expect(evaluation.perUnit).toEqual({ samples: 4, accuracy: 1, aucRoc: 1 });
    expect(evaluation.units[0]).toMatchObject({
      unit: 'benign/p1/n1',
      images: 2,
      patient: 'p1',
      label: 'benign',
    });
    expect(evaluation.units[0]?.probabilities['malignant']).toBeCloseTo(0.35, 12);
  });

  it('keeps two nodules of one patient apart', () => {
    expect(evaluation.units.filter((unit) => unit.patient === 'p1').map((unit) => unit.label)).toEqual([
      'benign',
      'malignant',
    ]);
  });
});

describe('rocCsv', () => {
  it('has one point per distinct score, from nothing to everything', () => {
    expect(rocCsv(evaluation).split('\n')).toEqual([
      'fpr,tpr,threshold',
      '0,0,Infinity',
      '0,0.5,0.9',
      '0.3333333333333333,0.5,0.6',
      '0.3333333333333333,1,0.55',
      '0.6666666666666666,1,0.2',
      '1,1,0.1',
      '',
    ]);
  });
});
