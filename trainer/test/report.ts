/** A run and what was found of its model, made up, for tests of the files that tell of it. */
import { contractDigest, defaultContract } from '@hilum/imaging';
import type { RunFacts } from '../src/card/run-facts.ts';
import { assess } from '../src/evaluation/assess.ts';
import type { Assessment } from '../src/evaluation/assessment.ts';
import { decide } from '../src/evaluation/decide.ts';
import type { History } from '../src/plots/history.ts';
import { someScores } from './scores.ts';

const classes = { labels: ['benign', 'malignant'], positiveLabel: 'malignant' };

export function anAssessment(): Assessment {
  const validation = someScores({ patients: 40, seed: 'validation' });
  const test = someScores({ patients: 40, seed: 'test' });
  const facts = new Map([...validation.facts, ...test.facts]);
  const decision = decide({ ...classes, validation: validation.scores, facts });
  const champion = {
    name: 'champion (version 3)',
    scores: someScores({ patients: 40, seed: 'test', skill: 1 }).scores,
  };
  return assess(
    { ...classes, part: 'test', scores: test.scores, decision, facts, champion },
    { seed: 7, resamples: 200 },
  );
}

export const HISTORY: History = {
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

const contract = defaultContract('grey', 64);
const counts = (patients: number) => ({ patients, units: patients + 2, images: 3 * patients + 6 });

export const FACTS: RunFacts = {
  createdAt: '2026-11-24T12:00:00.000Z',
  dataset: {
    pin: '0123456789abcdef0123456789abcdef.dir',
    source: 's3://images',
    kind: 'grey',
    labels: classes.labels,
    labelledBy: 'nodules',
    labelsSha256: 'a'.repeat(64),
    unlabelled: 12,
    parts: {
      train: { benign: counts(100), malignant: counts(50) },
      validation: { benign: counts(30), malignant: counts(20) },
      test: { benign: counts(31), malignant: counts(21) },
    },
  },
  split: { seed: 7, fractions: { train: 0.6, validation: 0.2, test: 0.2 }, sha256: 'b'.repeat(64) },
  audit: {
    images: 800,
    groupsOnTwoSides: 0,
    exactAcross: 0,
    exactWithin: 3,
    nearAcross: 0,
    nearWithin: 1,
    nearInGroup: 9,
    labelConflicts: 0,
    nearLabelConflicts: 0,
  },
  contract,
  contractDigest: contractDigest(contract),
  network: {
    trainableFrom: 'head',
    taps: ['block2_conv2', 'block5_pool'],
    pooling: 'avg-max',
    views: 1,
    normalise: 'quantile',
    headUnits: 0,
    dropout: 0.5,
    l2: 0.001,
  },
  fit: {
    epochs: 20,
    batchSize: 32,
    learningRate: 0.001,
    seed: 7,
    optimizer: 'adam',
    schedule: 'cosine',
    warmupEpochs: 1,
    patience: 5,
    keepEpoch: 'best',
    classWeights: 'balanced',
    unitWeights: 'none',
  },
  augmentation: { copies: 0, rotationDegrees: 10, shiftPercent: 5, scalePercent: 5, noise: 0 },
  baseWeightsSha256: 'c'.repeat(64),
  training: { epochs: 3, bestEpoch: 2 },
  versions: { hilum: '0.1.0', node: '24.21.0', tensorflow: '2.9.1' },
};
