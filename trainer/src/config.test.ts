import { describe, expect, it } from 'vitest';
import { optionsOf, readPodConfig } from './config.ts';

const run = {
  run: { name: 'lung', namespace: 'team-a', uid: 'u' },
  dataset: {
    remote: 'http://mlflow:5000/api/2.0/mlflow-artifacts/artifacts/dvc',
    md5: `${'a'.repeat(32)}.dir`,
  },
  preprocessing: {},
  model: {},
  hyperparameters: {},
  augmentation: {},
  tracking: { uri: 'http://mlflow:5000', experiment: 'hilum' },
  registration: { model: 'lung' },
};

function read(env: Readonly<Record<string, string>> = {}, changes: object = {}) {
  return readPodConfig({ HILUM_TRAINER_CONFIG: JSON.stringify({ ...run, ...changes }), ...env });
}

describe('readPodConfig', () => {
  it('fills in what the spec leaves to its defaults', () => {
    expect(optionsOf(read().run)).toEqual({
      dataset: { md5: run.dataset.md5, remote: run.dataset.remote },
      split: { seed: 7, validationPercent: 20, testPercent: 20 },
      preprocessing: { inputSize: 128 },
      model: {
        trainableFrom: 'head',
        taps: ['block5_pool'],
        pooling: 'avg',
        views: 1,
        normalise: 'none',
        headUnits: 256,
        dropout: 0.5,
        l2: 0,
      },
      hyperparameters: {
        epochs: 20,
        batchSize: 32,
        learningRate: 0.001,
        seed: 7,
        optimizer: 'adam',
        schedule: 'constant',
        warmupEpochs: 0,
        patience: 0,
        keepEpoch: 'best',
        classWeights: 'balanced',
        unitWeights: 'none',
      },
      augmentation: { copies: 0, rotationDegrees: 10, shiftPercent: 5, scalePercent: 5, noise: 0 },
      int8: false,
      registration: { model: 'lung', alias: 'champion' },
    });
  });

  it('turns decimal strings into numbers', () => {
    const { run: given } = read(
      {},
      {
        model: { dropout: '0.25', l2: '1e-4' },
        hyperparameters: { learningRate: '1e-4' },
        registration: { model: 'lung', gate: { minAucRoc: '0.85', maxBelowChampion: '0.01' } },
      },
    );
    expect(optionsOf(given)).toMatchObject({
      model: { dropout: 0.25, l2: 0.0001 },
      hyperparameters: { learningRate: 0.0001 },
      registration: {
        gate: { level: 'image', minAucRoc: 0.85, beatsShortcuts: false, notBelowChampion: { margin: 0.01 } },
      },
    });
  });

  it('sends MLflow’s password to a remote only where that is the same server', () => {
    const env = { MLFLOW_TRACKING_USERNAME: 'u', MLFLOW_TRACKING_PASSWORD: 'p' };
    expect(read(env).remoteAuth).toEqual({ username: 'u', password: 'p' });
    const elsewhere = { dataset: { ...run.dataset, remote: 'http://mlflow:5001/dvc' } };
    expect(read(env, elsewhere).remoteAuth).toBeUndefined();
    expect(read({ ...env, HILUM_DVC_TOKEN: 't' }, elsewhere).remoteAuth).toEqual({
      token: 't',
      scheme: 'Bearer',
    });
    const header = { HILUM_DVC_HEADER: 'X-Key', HILUM_DVC_HEADER_VALUE: 'k' };
    expect(read({ ...env, ...header }, elsewhere).remoteAuth).toEqual({ header: 'X-Key', value: 'k' });
  });

  it('names every mistake', () => {
    expect(() => read({}, { preprocessing: { inputSize: 7 }, colour: 'red' })).toThrow(
      expect.objectContaining({
        code: 'BAD_CONFIG',
        exitCode: 64,
        message: expect.stringMatching(/inputSize.*colour|colour.*inputSize/s) as string,
      }),
    );
    expect(() => readPodConfig({})).toThrow(/HILUM_TRAINER_CONFIG/);
  });
});
