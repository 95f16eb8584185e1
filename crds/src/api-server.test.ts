/** The emitted CRDs, applied to a real API server. */
import { cluster, type Cluster } from '@hilum/hack';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases, minimalModelDeployment, minimalTrainingRun, type Case } from './cases.ts';
import { API_VERSION } from './crd.ts';

let api: Cluster;
const root = join(import.meta.dirname, '..');

beforeAll(async () => {
  api = await cluster.up('control');
  const files = ['trainingruns', 'modeldeployments'].map((plural) => join(root, `${plural}.hilum.dev.yaml`));
  await api.kubectl(['apply', ...files.flatMap((file) => ['-f', file])]);
  await api.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
});
afterAll(async () => {
  await api?.down();
});

describe('the API server judges a spec as zod does', () => {
  it.each(cases)('$name', async ({ kind, spec, refused }) => {
    const said = await dryRun(kind, spec);
    expect(said).toContain(refused ?? 'created');
  });
});

describe('a TrainingRun', () => {
  it('is refused by kubectl with a field that nobody knows', async () => {
    const said = await dryRun('TrainingRun', {
      ...minimalTrainingRun,
      hyperparameters: { momentum: '0.9' },
    });
    expect(said).toContain('unknown field "spec.hyperparameters.momentum"');
  });

  it('is stored with every default filled in', async () => {
    await create('TrainingRun', 'defaults', minimalTrainingRun);
    const stored = JSON.parse(await api.kubectl(['get', 'tr', 'defaults', '-o', 'json'])) as { spec: object };
    expect(stored.spec).toEqual({
      suspend: false,
      dataset: {
        remote: 'http://dvc.example/store',
        md5: `${'0'.repeat(32)}.dir`,
        split: { seed: 7, validationPercent: 20, testPercent: 20 },
      },
      preprocessing: { inputSize: 128 },
      model: {
        trainableFrom: 'head',
        taps: ['block5_pool'],
        pooling: 'avg',
        views: 1,
        normalise: 'none',
        headUnits: 256,
        dropout: '0.5',
        l2: '0',
      },
      hyperparameters: {
        epochs: 20,
        batchSize: 32,
        learningRate: '0.001',
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
      packaging: { int8: false },
      trainer: { resources: {} },
      tracking: { experiment: 'hilum' },
      registration: { model: 'lung-vgg16', alias: 'champion' },
      limits: { startSeconds: 1800, activeSeconds: 86_400, retries: 2 },
    });
  });

  it.each([
    ['dataset', { dataset: { remote: 'http://elsewhere.example' } }],
    ['preprocessing', { preprocessing: { inputSize: 64 } }],
    ['augmentation', { augmentation: { copies: 1 } }],
    ['packaging', { packaging: { int8: true } }],
    ['model', { model: { headUnits: 8 } }],
    ['hyperparameters', { hyperparameters: { epochs: 1 } }],
    ['trainer', { trainer: { image: 'other' } }],
    ['tracking', { tracking: { uri: 'http://other.example' } }],
    ['registration', { registration: { gate: { minAucRoc: '0.1' } } }],
  ])('keeps %s as it was created', async (field, change) => {
    const name = `fixed-${field}`;
    await create('TrainingRun', name, minimalTrainingRun);
    expect(await patch('tr', name, change)).toContain(`${field} cannot change after creation`);
  });

  it('lets suspend and limits change', async () => {
    await create('TrainingRun', 'mutable', minimalTrainingRun);
    expect(await patch('tr', 'mutable', { suspend: true, limits: { retries: 5 } })).toContain('patched');
  });

  it('has a name that fits a label', async () => {
    const said = await create('TrainingRun', 'x'.repeat(64), minimalTrainingRun).catch(String);
    expect(said).toContain('at most 63 characters');
  });

  it('reads well in kubectl get', async () => {
    await create('TrainingRun', 'columns', minimalTrainingRun);
    await setStatus('trainingruns', 'columns', {
      conditions: [condition('Succeeded', 'True', 'ModelReady', 'lung-vgg16/3: AUC-ROC 0.912')],
      progress: { epoch: 20, epochs: 20, summary: '20/20', reportedAt: '2026-01-01T00:00:00Z' },
      evaluation: { accuracy: '0.9', aucRoc: '0.9123456789', samples: 90, summary: '0.912' },
      model: {
        name: 'lung-vgg16',
        version: '3',
        digest: `sha256:${'0'.repeat(64)}`,
        summary: 'lung-vgg16/3',
      },
      tracking: { experimentId: '1', runId: 'abc123', url: 'http://mlflow' },
    });
    const [head, row] = table(await api.kubectl(['get', 'trainingruns', 'columns', '-o', 'wide']));
    expect(head).toEqual(['NAME', 'SUCCEEDED', 'REASON', 'EPOCH', 'AUC', 'MODEL', 'AGE', 'RUN', 'MESSAGE']);
    expect(row?.slice(0, 6)).toEqual(['columns', 'True', 'ModelReady', '20/20', '0.912', 'lung-vgg16/3']);
    expect(row?.slice(7)).toEqual(['abc123', 'lung-vgg16/3: AUC-ROC 0.912']);
  });

  it('keeps its status apart from its spec', async () => {
    await create('TrainingRun', 'apart', minimalTrainingRun);
    await api.kubectl(['patch', 'tr', 'apart', '--type=merge', '-p', '{"status":{"jobName":"mine"}}']);
    expect(await api.kubectl(['get', 'tr', 'apart', '-o', 'jsonpath={.status}'])).toBe('');
  });

  it('is explained field by field', async () => {
    const text = await api.kubectl(['explain', 'trainingruns.spec.dataset']);
    expect(text).toContain('The images, as DVC pinned them');
    expect(text).toMatch(/md5\s+<string> -required-\s+The pin: the DVC md5/);
  });
});

describe('a ModelDeployment', () => {
  it('scales by its scale subresource', async () => {
    await create('ModelDeployment', 'scaled', { ...minimalModelDeployment, replicas: 1 });
    await setStatus('modeldeployments', 'scaled', { replicas: 1, selector: 'a=b' });
    await api.kubectl(['scale', 'md/scaled', '--replicas=3']);
    expect(await api.kubectl(['get', 'md', 'scaled', '-o', 'jsonpath={.spec.replicas}'])).toBe('3');
    const scale = await api.kubectl(['get', 'md', 'scaled', '--subresource=scale', '-o', 'json']);
    expect(JSON.parse(scale)).toMatchObject({ status: { replicas: 1, selector: 'a=b' } });
  });

  it('is not scaled by hand where the autoscaler owns the number', async () => {
    await create('ModelDeployment', 'owned', { ...minimalModelDeployment, scaling: { maxReplicas: 2 } });
    const said = await api.kubectl(['scale', 'md/owned', '--replicas=3']).catch(String);
    expect(said).toContain('replicas and scaling exclude each other');
  });

  it('has a name that its Service can have', async () => {
    const said = await create('ModelDeployment', '3d', minimalModelDeployment).catch(String);
    expect(said).toContain('is also that of its Service');
  });

  it('reads well in kubectl get', async () => {
    await create('ModelDeployment', 'columns', minimalModelDeployment);
    await setStatus('modeldeployments', 'columns', {
      conditions: [condition('Ready', 'True', 'Serving', 'serves lung-vgg16/3')],
      pods: '2/2',
      url: 'http://columns.default.svc',
      model: { name: 'lung-vgg16', version: '3', summary: 'lung-vgg16/3' },
    });
    const [head, row] = table(await api.kubectl(['get', 'md', 'columns', '-o', 'wide']));
    expect(head).toEqual(['NAME', 'READY', 'REASON', 'MODEL', 'PODS', 'AGE', 'URL', 'MESSAGE']);
    expect(row?.slice(0, 5)).toEqual(['columns', 'True', 'Serving', 'lung-vgg16/3', '2/2']);
    expect(row?.slice(6)).toEqual(['http://columns.default.svc', 'serves lung-vgg16/3']);
  });
});

function manifest(kind: Case['kind'], name: string, spec: object): string {
  return JSON.stringify({ apiVersion: API_VERSION, kind, metadata: { name, namespace: 'default' }, spec });
}

/** What kubectl says, whether it works or not. */
async function dryRun(kind: Case['kind'], spec: object): Promise<string> {
  const input = manifest(kind, 'case', spec);
  return api.kubectl(['create', '--dry-run=server', '-f', '-'], { input }).catch(String);
}

async function create(kind: Case['kind'], name: string, spec: object): Promise<string> {
  return api.kubectl(['create', '-f', '-'], { input: manifest(kind, name, spec) });
}

async function patch(kind: string, name: string, spec: object): Promise<string> {
  return api.kubectl(['patch', kind, name, '--type=merge', '-p', JSON.stringify({ spec })]).catch(String);
}

async function setStatus(plural: string, name: string, status: object): Promise<void> {
  const body = JSON.stringify({ status });
  await api.kubectl(['patch', plural, name, '--subresource=status', '--type=merge', '-p', body]);
}

function condition(type: string, status: string, reason: string, message: string) {
  return { type, status, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' };
}

/** Columns stand at least three blanks apart. */
function table(text: string): string[][] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd().split(/ {3,}/));
}
