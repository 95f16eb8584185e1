/**
 * TRIPOD+AI: Collins, Moons, Dhiman and others, BMJ 2024; 385: e078378; 27 items with 52 parts. The numbers are theirs,
 * the words are ours.
 */
import * as run from './answers.ts';
import type { Item } from './answers.ts';

export const TRIPOD_ITEMS: readonly Item[] = [
  { number: '1', topic: 'title: model, population, outcome' },
  { number: '2', topic: 'abstract' },
  { number: '3a', topic: 'health-care context and reason for the model' },
  { number: '3b', topic: 'target population, purpose, users' },
  { number: '3c', topic: 'known inequalities between groups of people' },
  {
    number: '4',
    topic: 'objectives: development, evaluation or both',
    answer: () => 'Both: development, and evaluation on patients kept apart of the same dataset.',
  },
  { number: '5a', topic: 'sources of data', answer: run.source },
  { number: '5b', topic: 'dates' },
  { number: '6a', topic: 'setting and centres' },
  { number: '6b', topic: 'eligibility' },
  { number: '6c', topic: 'treatments received' },
  { number: '7', topic: 'data preparation and quality', answer: run.preprocessing },
  { number: '8a', topic: 'outcome, and how it was assessed', answer: run.labelling },
  { number: '8b', topic: 'who assessed the outcome' },
  { number: '8c', topic: 'blinding of that assessment' },
  {
    number: '9a',
    topic: 'choice of predictors',
    answer: () => 'The image alone. Diameter, file size and the like are no input, but are compared with.',
  },
  {
    number: '9b',
    topic: 'predictors: definition and measurement',
    answer: ({ facts }) =>
      `Pixels of ${facts.dataset.kind === 'hu' ? 'CT slices in Hounsfield units' : 'pictures in grey values'}, by the contract under 7.`,
  },
  {
    number: '9c',
    topic: 'who assessed subjective predictors',
    answer: () => 'Not applicable: none is subjective.',
  },
  { number: '10', topic: 'size of the study and its reason' },
  {
    number: '11',
    topic: 'missing data',
    answer: run.missingData,
  },
  { number: '12a', topic: 'use of data, partition', answer: run.partition },
  { number: '12b', topic: 'handling of predictors', answer: run.preprocessing },
  {
    number: '12c',
    topic: 'kind of model, building, hyper-parameters',
    answer: (of) => `${run.network(of)} ${run.training(of)} ${run.selection(of)}`,
  },
  { number: '12d', topic: 'heterogeneity between clusters (hospitals)' },
  { number: '12e', topic: 'measures and plots of performance', answer: run.metrics },
  {
    number: '12f',
    topic: 'model updating, such as recalibration',
    answer: () => 'One temperature, fitted on validation; the model itself was not updated.',
  },
  {
    number: '12g',
    topic: 'how predictions were calculated in evaluation',
    answer: () => 'By the packaged network itself, in the arithmetic of the server.',
  },
  { number: '13', topic: 'class imbalance', answer: run.imbalance },
  { number: '14', topic: 'fairness' },
  {
    number: '15',
    topic: 'output of the model, thresholds',
    answer: ({ assessment }) => {
      const point = assessment.decision?.levels.unit.operatingPoint;
      const text = 'Probabilities that add up to 1';
      return point !== undefined && 'threshold' in point
        ? `${text}; by nodule or series called ${assessment.positiveLabel} from ${point.threshold.toFixed(4)} on, chosen on validation (decision.json).`
        : `${text}; no threshold.`;
    },
  },
  {
    number: '16',
    topic: 'differences between development and evaluation data',
    answer: (of) => `None was planned: one source, dealt at random. ${run.disjoint(of)}`,
  },
  { number: '17', topic: 'ethical approval' },
  { number: '18a', topic: 'funding' },
  { number: '18b', topic: 'conflicts of interest' },
  { number: '18c', topic: 'protocol' },
  { number: '18d', topic: 'registration' },
  { number: '18e', topic: 'data sharing' },
  { number: '18f', topic: 'code sharing', answer: run.availability },
  { number: '19', topic: 'involvement of patients and the public' },
  { number: '20a', topic: 'flow of participants', answer: run.counts },
  { number: '20b', topic: 'characteristics of participants' },
  { number: '20c', topic: 'evaluation data beside development data', answer: run.counts },
  { number: '21', topic: 'participants and events in each analysis', answer: run.counts },
  { number: '22', topic: 'the full model, for others to use', answer: run.availability },
  {
    number: '23a',
    topic: 'performance with intervals, by subgroup too',
    answer: (of) => `${run.performance(of)} ${run.atThreshold(of) ?? ''}`,
  },
  { number: '23b', topic: 'heterogeneity of performance between clusters' },
  {
    number: '24',
    topic: 'results of updating',
    answer: () => 'Calibration before and after the temperature: MODEL_CARD.md.',
  },
  { number: '25', topic: 'interpretation, fairness included' },
  { number: '26', topic: 'limitations', answer: run.limitations },
  {
    number: '27a',
    topic: 'input of poor quality when the model is used',
    answer: run.poorInput,
  },
  { number: '27b', topic: 'interaction and expertise that use needs' },
  { number: '27c', topic: 'next steps of research' },
];
