/**
 * CLAIM, 2024 update: Tejani, Klontzas, Gatti and others, Radiology: Artificial Intelligence 2024; 6(4): e240300. The
 * numbers are theirs, the words are ours.
 */
import * as run from './answers.ts';
import type { Item } from './answers.ts';

export const CLAIM_ITEMS: readonly Item[] = [
  {
    number: '1',
    topic: 'title names the study as one of AI, and the kind',
    answer: () => 'Deep learning: a convolutional network (VGG16). The title itself: the author must.',
  },
  { number: '2', topic: 'abstract: design, methods, results, conclusions' },
  { number: '3', topic: 'background, intended use and role' },
  { number: '4', topic: 'aims and hypotheses' },
  {
    number: '5',
    topic: 'prospective or retrospective',
    answer: () => 'Retrospective: the images were there.',
  },
  {
    number: '6',
    topic: 'goal of the study',
    answer: () =>
      'Development of a model and a first test on patients kept apart. Beyond that: the author must.',
  },
  { number: '7', topic: 'data sources', answer: run.source },
  { number: '8', topic: 'inclusion and exclusion criteria' },
  { number: '9', topic: 'preprocessing', answer: run.preprocessing },
  {
    number: '10',
    topic: 'selection of subsets',
    answer: () => 'Whole images that have a label; of each image the crop of the contract.',
  },
  { number: '11', topic: 'de-identification' },
  {
    number: '12',
    topic: 'missing data',
    answer: run.missingData,
  },
  { number: '13', topic: 'acquisition protocol' },
  { number: '14', topic: 'reference standard: how it was obtained', answer: run.labelling },
  { number: '15', topic: 'reference standard: why this one' },
  { number: '16', topic: 'reference standard: who annotated' },
  { number: '17', topic: 'annotation of the test set' },
  { number: '18', topic: 'variability within and between annotators' },
  { number: '19', topic: 'how data were assigned to partitions', answer: run.partition },
  { number: '20', topic: 'level at which partitions are disjoint', answer: run.disjoint },
  { number: '21', topic: 'intended size of the test set' },
  { number: '22', topic: 'model in detail', answer: run.network },
  { number: '23', topic: 'software', answer: run.software },
  { number: '24', topic: 'initial parameters', answer: run.initialisation },
  { number: '25', topic: 'training', answer: run.training },
  { number: '26', topic: 'how the final model was selected', answer: run.selection },
  {
    number: '27',
    topic: 'ensembling',
    answer: ({ facts: { network } }) =>
      network.views === 1
        ? 'None.'
        : `One network; the mean over ${network.views} mirrored views of an image.`,
  },
  { number: '28', topic: 'metrics', answer: run.metrics },
  { number: '29', topic: 'significance and uncertainty', answer: run.uncertainty },
  { number: '30', topic: 'robustness or sensitivity', answer: run.robustness },
  { number: '31', topic: 'explainability' },
  {
    number: '32',
    topic: 'evaluation on internal data',
    answer: ({ assessment }) =>
      `The ${assessment.part} part of the same dataset, used once, after everything was chosen on validation.`,
  },
  {
    number: '33',
    topic: 'testing on external data',
    answer: () => 'None by this run; `hilum evaluate` does it on images of another origin.',
  },
  { number: '34', topic: 'trial registration' },
  { number: '35', topic: 'numbers included and excluded', answer: run.counts },
  { number: '36', topic: 'demographic and clinical characteristics by partition' },
  { number: '37', topic: 'performance with uncertainty', answer: run.performance },
  { number: '38', topic: 'diagnostic performance and its precision', answer: run.atThreshold },
  { number: '39', topic: 'analysis of failures' },
  { number: '40', topic: 'limitations', answer: run.limitations },
  { number: '41', topic: 'implications for practice, intended use' },
  { number: '42', topic: 'protocol or further technical details' },
  { number: '43', topic: 'availability of software, model, data', answer: run.availability },
  { number: '44', topic: 'funding and the role of funders' },
];
