import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const least = {
  HILUM_TRAINER_IMAGE: 'trainer:1',
  HILUM_SERVER_IMAGE: 'server:1',
  HILUM_MLFLOW_URI: 'http://mlflow:5000/',
};

describe('the configuration', () => {
  it('needs images and MLflow, and has a default for the rest', () => {
    expect(readConfig(least)).toEqual({
      trainerImage: 'trainer:1',
      serverImage: 'server:1',
      mlflowUri: 'http://mlflow:5000',
      imagePullSecrets: [],
      watchNamespaces: [],
      workers: 4,
      kubeQps: 100,
      healthPort: 8081,
      leaderElection: true,
      logLevel: 'info',
      podName: 'hilum-operator',
      podNamespace: 'default',
    });
  });

  it('has an image for GPUs only where one is named', () => {
    expect(readConfig({ ...least, HILUM_TRAINER_GPU_IMAGE: '' })).not.toHaveProperty('trainerGpuImage');
    expect(readConfig({ ...least, HILUM_TRAINER_GPU_IMAGE: 'trainer-gpu:1' })).toMatchObject({
      trainerImage: 'trainer:1',
      trainerGpuImage: 'trainer-gpu:1',
    });
  });

  it('names everything that is wrong at once', () => {
    const wrong = {
      ...least,
      HILUM_SERVER_IMAGE: '',
      HILUM_MLFLOW_URI: 'mlflow:5000',
      HILUM_WORKERS: 'many',
    };
    expect(() => readConfig(wrong)).toThrow(/HILUM_SERVER_IMAGE.*HILUM_MLFLOW_URI.*HILUM_WORKERS/);
  });

  it('takes namespaces and pull secrets as lists, and empty values as absent', () => {
    const config = readConfig({
      ...least,
      HILUM_WATCH_NAMESPACES: 'team-a, team-b,',
      HILUM_IMAGE_PULL_SECRETS: 'registry-key,mirror-key',
      HILUM_HEALTH_PORT: '',
    });
    expect(config).toMatchObject({
      watchNamespaces: ['team-a', 'team-b'],
      imagePullSecrets: ['registry-key', 'mirror-key'],
      healthPort: 8081,
    });
  });

  it('has credentials for MLflow only with both halves', () => {
    const user = { ...least, MLFLOW_TRACKING_USERNAME: 'u' };
    expect(readConfig(user).mlflowCredentials).toBeUndefined();
    expect(readConfig({ ...user, MLFLOW_TRACKING_PASSWORD: 'p' }).mlflowCredentials).toEqual({
      username: 'u',
      password: 'p',
    });
  });
});
