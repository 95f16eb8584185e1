import { expect, it } from 'vitest';
import { readConfig } from '../config.ts';

const engineFor = (env: Record<string, string>) => readConfig({ HILUM_MODEL_URI: '/model', ...env }).engine;

it('chooses by itself unless it is told', () => {
  expect(engineFor({})).toEqual({ kind: 'auto', precision: 'auto' });
});

it('takes what it is told', () => {
  const told = {
    HILUM_ENGINE: 'wasm',
    HILUM_PRECISION: 'float32',
    HILUM_THREADS: '3',
    HILUM_LANES: '2',
    HILUM_ENGINE_TIMEOUT_MS: '500',
  };
  expect(engineFor(told)).toEqual({
    kind: 'wasm',
    precision: 'float32',
    threads: 3,
    lanes: 2,
    answerMs: 500,
  });
});

it.each([
  { word: 'cpu', kind: 'auto' },
  { word: 'gpu', kind: 'tensorflow-gpu' },
])('understands what the trainer calls $word', ({ word, kind }) => {
  expect(engineFor({ HILUM_ENGINE: word }).kind).toBe(kind);
});

it.each([
  { name: 'HILUM_ENGINE', value: 'abacus' },
  { name: 'HILUM_THREADS', value: '0' },
  { name: 'HILUM_LANES', value: 'two' },
  { name: 'HILUM_PRECISION', value: 'int4' },
])('refuses $name=$value', ({ name, value }) => {
  expect(() => engineFor({ [name]: value })).toThrow(name);
});
