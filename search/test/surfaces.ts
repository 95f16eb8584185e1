/**
 * Five functions to minimise, as optuna_yardstick.py has them too: two smooth ones, two classics with several
 * valleys, and one that looks like 1 - AUC of a fine-tuning run over parameters of every type.
 */
import type { Parameters, Space } from '../src/index.ts';

export interface Surface {
  readonly name: string;
  readonly space: Space;
  /** Trials of a study. */
  readonly trials: number;
  /** The lowest value that the function has. */
  readonly lowest: number;
  readonly evaluate: (parameters: Parameters) => number;
}

const double = (name: string, min: number, max: number) => ({ name, type: 'double', min, max }) as const;
const number = (parameters: Parameters, name: string): number => Number(parameters[name]);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const sphere: Surface = {
  name: 'sphere',
  space: ['x0', 'x1', 'x2', 'x3', 'x4'].map((name) => double(name, -5, 5)),
  trials: 60,
  lowest: 0,
  evaluate: (p) => sum([0, 1, 2, 3, 4].map((i) => (number(p, `x${i}`) - (i - 1.5)) ** 2)),
};

/** Rosenbrock's bent valley in three dimensions, its height as a logarithm so that one bad study is not the mean. */
const valley: Surface = {
  name: 'valley',
  space: ['x0', 'x1', 'x2'].map((name) => double(name, -2, 2)),
  trials: 60,
  lowest: 0,
  evaluate: (p) => {
    const [a, b, c] = [number(p, 'x0'), number(p, 'x1'), number(p, 'x2')];
    const steep = (b - a * a) ** 2 + (c - b * b) ** 2;
    return Math.log1p(100 * steep + (1 - a) ** 2 + (1 - b) ** 2);
  },
};

const branin: Surface = {
  name: 'branin',
  space: [double('x0', -5, 10), double('x1', 0, 15)],
  trials: 40,
  lowest: 0.39788735772973816,
  evaluate: (p) => {
    const [x, y] = [number(p, 'x0'), number(p, 'x1')];
    const bend = y - (5.1 / (4 * Math.PI ** 2)) * x * x + (5 / Math.PI) * x - 6;
    return bend ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10;
  },
};

const ALPHA = [1, 1.2, 3, 3.2];
const A = [
  [10, 3, 17, 3.5, 1.7, 8],
  [0.05, 10, 17, 0.1, 8, 14],
  [3, 3.5, 1.7, 10, 17, 8],
  [17, 8, 0.05, 10, 0.1, 14],
];
const P = [
  [1312, 1696, 5569, 124, 8283, 5886],
  [2329, 4135, 8307, 3736, 1004, 9991],
  [2348, 1451, 3522, 2883, 3047, 6650],
  [4047, 8828, 8732, 5743, 1091, 381],
];

const hartmann6: Surface = {
  name: 'hartmann6',
  space: ['x0', 'x1', 'x2', 'x3', 'x4', 'x5'].map((name) => double(name, 0, 1)),
  trials: 60,
  lowest: -3.322368011415511,
  evaluate: (p) => {
    const term = (i: number): number => {
      const far = (A[i] ?? []).map((a, j) => a * (number(p, `x${j}`) - 1e-4 * (P[i]?.[j] ?? 0)) ** 2);
      return (ALPHA[i] ?? 0) * Math.exp(-sum(far));
    };
    return -sum([0, 1, 2, 3].map(term));
  },
};

const OPTIMISERS: Readonly<Record<string, number>> = { adam: 0, sgd: 0.012, rmsprop: 0.02 };
/** Where each optimiser likes its learning rate, as a power of ten. */
const LIKES: Readonly<Record<string, number>> = { adam: -3.6, sgd: -2.2, rmsprop: -4 };

const fineTuning: Surface = {
  name: 'fine-tuning',
  space: [
    { name: 'learningRate', type: 'double', min: 1e-6, max: 0.1, scale: 'log' },
    { name: 'dropout', type: 'double', min: 0, max: 0.7, step: 0.05 },
    { name: 'units', type: 'int', min: 16, max: 1024, scale: 'log' },
    { name: 'openBlocks', type: 'int', min: 0, max: 4 },
    { name: 'optimiser', type: 'choice', values: ['adam', 'sgd', 'rmsprop'] },
  ],
  trials: 40,
  lowest: 0.06,
  evaluate: (p) => {
    const optimiser = String(p['optimiser']);
    const open = number(p, 'openBlocks');
    // The more blocks are open, the lower the rate that still trains.
    const rate = Math.log10(number(p, 'learningRate')) - (LIKES[optimiser] ?? 0) + 0.25 * open;
    const off = 0.16 * (1 - Math.exp(-(rate ** 2) / 1.2));
    const dropout = 0.12 * (number(p, 'dropout') - 0.35) ** 2;
    const units = 0.006 * (Math.log2(number(p, 'units')) - 7.5) ** 2;
    return 0.06 + off + dropout + units + 0.008 * Math.abs(open - 2) + (OPTIMISERS[optimiser] ?? 0);
  },
};

export const surfaces: readonly Surface[] = [sphere, valley, branin, hartmann6, fineTuning];
