import { trainingRunSpecSchema } from '@hilum/crds';
import { recipeOf } from '@hilum/trainer';
import { describe, expect, it } from 'vitest';
import { recipeFlags, recipeOfFlags } from './recipe-flags.ts';

describe('recipeOfFlags', () => {
  it('has the defaults of a TrainingRun', () => {
    const { preprocessing, model, hyperparameters, augmentation } = trainingRunSpecSchema.parse({
      dataset: { remote: 'https://dvc.example/store', md5: `${'0'.repeat(32)}.dir` },
      registration: { model: 'lung' },
    });
    expect(recipeOfFlags({})).toEqual({
      preprocessing,
      ...recipeOf({ model, hyperparameters, augmentation }),
    });
  });

  it('reads numbers, words and lists', () => {
    const { preprocessing, model, hyperparameters, augmentation } = recipeOfFlags({
      taps: 'block1_conv2, block3_conv3',
      views: '4',
      'head-units': '0',
      l2: '1e-4',
      'learning-rate': '0.01',
      copies: '3',
      window: '-600/1500',
    });
    expect(preprocessing.window).toEqual({ center: -600, width: 1500 });
    expect(model).toMatchObject({
      taps: ['block1_conv2', 'block3_conv3'],
      views: 4,
      headUnits: 0,
      l2: 0.0001,
    });
    expect(hyperparameters.learningRate).toBe(0.01);
    expect(augmentation.copies).toBe(3);
  });

  it('takes none for no window, since a pipeline gives every flag', () => {
    expect(recipeOfFlags({ window: 'none' }).preprocessing).toEqual(recipeOfFlags({}).preprocessing);
  });

  it.each([
    ['a number out of its bounds', { epochs: '0' }, '--epochs is a whole number from 1 to 1000, not 0'],
    ['a number that is a word', { copies: 'many' }, '--copies is a whole number from 0 to 64, not many'],
    ['an empty number', { epochs: '' }, '--epochs is a whole number'],
    [
      'a layer that VGG16 has not',
      { taps: 'block1_conv2,block9_conv1' },
      /^--taps is a list of some of .*block1_conv1/,
    ],
    ['a rule across fields', { 'trainable-from': 'block5_conv1', views: '4' }, /trainableFrom head only/],
    [
      'an input below VGG16’s least',
      { 'input-size': '7' },
      '--input-size is a whole number from 32 to 512, not 7',
    ],
    ['a window that is none', { window: '3' }, '--window is CENTER/WIDTH'],
    ['two mistakes', { epochs: '0', seed: '-1' }, /--epochs .*; --seed /],
  ])('refuses %s by the flag’s name', (_, given, message) => {
    expect(() => recipeOfFlags(given)).toThrow(message);
  });

  it('explains each flag with its default', () => {
    expect(recipeFlags.patience.description).toMatch(/0 trains to the end; default 0$/);
    expect(recipeFlags.taps.description).toMatch(/default block5_pool$/);
  });
});
