/** What the operator makes, as golden manifests in `golden/`. */
import { modelDeploymentSpecSchema, trainerConfigSchema, trainingRunSpecSchema } from '@hilum/crds';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decide as decideDeployment } from './deployment/decide.ts';
import { decide as decideRun } from './training/decide.ts';
import { aDeployment, aWorld } from './test/deployments.ts';
import { golden } from './test/golden.ts';
import { DEFAULTS, NOW, SPEC, aRun, nothingYet } from './test/runs.ts';

const file = (name: string): string => join(import.meta.dirname, '../golden', `${name}.json`);

const runs = {
  'training-run-minimal': {},
  'training-run-full': {
    dataset: {
      ...SPEC.dataset,
      remote: 'file:///data/store',
      volumeClaim: 'ct-store',
      credentialsSecret: 'ct-store-reader',
      positiveLabel: 'malignant',
    },
    checkpoint: { volumeClaim: 'checkpoints' },
    trainer: {
      image: 'registry.example/own-trainer@sha256:0',
      resources: { requests: { cpu: 2 }, limits: { memory: '8Gi', 'nvidia.com/gpu': 1 } },
      nodeSelector: { pool: 'gpu' },
    },
    tracking: { uri: 'http://mlflow.team-a.svc:5000', experiment: 'lung nodules' },
    limits: { retries: 0, activeSeconds: 3600 },
  },
  'training-run-gpu': { trainer: { resources: { limits: { 'nvidia.com/gpu': 1 } } } },
};

const deployments = {
  'model-deployment-minimal': {},
  'model-deployment-scaled': {
    model: { name: 'lung-vgg16', version: '4', trackingUri: 'http://mlflow.team-a.svc:5000' },
    scaling: { minReplicas: 2, maxReplicas: 6, targetCPUUtilizationPercentage: 60 },
    server: { resources: { limits: { memory: '512Mi' } }, nodeSelector: { pool: 'cpu' } },
    limits: { progressSeconds: 120, maxBodyBytes: 1_048_576 },
  },
};

describe('the children', () => {
  it.each(Object.entries(runs))('of %s', async (name, changes) => {
    const spec = trainingRunSpecSchema.parse({ ...SPEC, ...changes });
    const { apply } = decideRun(aRun({ spec, status: {} }), nothingYet(), NOW);
    const { have, want } = await golden(
      file(name),
      apply.map(({ object }) => object),
    );
    expect(have).toBe(want);
  });

  it.each(Object.entries(deployments))('of %s', async (name, changes) => {
    const spec = modelDeploymentSpecSchema.parse({
      model: { name: 'lung-vgg16', alias: 'champion' },
      ...changes,
    });
    const { apply } = decideDeployment(aDeployment({ spec }), aWorld(), NOW);
    const { have, want } = await golden(
      file(name),
      apply.map(({ object }) => object),
    );
    expect(have).toBe(want);
  });
});

describe('pull secrets', () => {
  it('are left to the service account of the namespace where the operator knows none', () => {
    const defaults = { ...DEFAULTS, imagePullSecrets: [] };
    const job = decideRun(aRun({ status: {} }), nothingYet({ defaults }), NOW).apply;
    const server = decideDeployment(aDeployment(), aWorld({ defaults }), NOW).apply;
    const made = JSON.stringify([job, server]);
    expect(made).toContain('"kind":"Job"');
    expect(made).toContain('"kind":"Deployment"');
    expect(made).not.toContain('imagePullSecrets');
  });
});

describe('the trainer’s configuration', () => {
  it('is one that the trainer reads', () => {
    const { apply } = decideRun(aRun({ status: {} }), nothingYet(), NOW);
    const [, text] = /HILUM_TRAINER_CONFIG","value":("(?:[^"\\]|\\.)*")/.exec(JSON.stringify(apply)) ?? [];
    const config: unknown = JSON.parse(JSON.parse(text ?? '""') as string);
    expect(trainerConfigSchema.parse(config)).toMatchObject({
      run: { name: 'nodules', namespace: 'team-a' },
      tracking: { uri: 'http://mlflow.hilum.svc:5000', experiment: 'hilum' },
    });
  });
});
