/** Objects that are right or wrong, with what both judges must say: zod here, the API server's CEL there. */

type Json = Record<string, unknown>;

export interface Case {
  readonly name: string;
  readonly kind: 'TrainingRun' | 'ModelDeployment';
  readonly spec: Json;
  /** Part of the message; absent where the object is right. */
  readonly refused?: string;
}

export const minimalTrainingRun: Json = {
  dataset: { remote: 'http://dvc.example/store', md5: `${'0'.repeat(32)}.dir` },
  registration: { model: 'lung-vgg16' },
};
export const minimalModelDeployment: Json = { model: { name: 'lung-vgg16', alias: 'champion' } };

function aRun(changes: Json): Json {
  return merged(minimalTrainingRun, changes);
}

function aDeployment(changes: Json): Json {
  return merged(minimalModelDeployment, changes);
}

/** Deep merge; `undefined` removes. */
function merged(base: Json, changes: Json): Json {
  const result: Json = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const before = base[key];
    if (value === undefined) delete result[key];
    else if (isJson(value) && isJson(before)) result[key] = merged(before, value);
    else result[key] = value;
  }
  return result;
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const cases: readonly Case[] = [
  { name: 'a run with the least that a run needs', kind: 'TrainingRun', spec: minimalTrainingRun },
  {
    name: 'a run with every field',
    kind: 'TrainingRun',
    spec: {
      suspend: true,
      dataset: {
        remote: 'file:///data/store',
        md5: `${'ab'.repeat(16)}.dir`,
        volumeClaim: 'ct-store',
        credentialsSecret: 'ct-store-reader',
        labels: { table: 'manifest.csv', columns: ['scanner'] },
        split: { seed: 1, validationPercent: 30, testPercent: 50 },
        positiveLabel: 'malignant',
      },
      preprocessing: { inputSize: 64, window: { center: -600, width: 1500 } },
      model: {
        trainableFrom: 'block4_conv2',
        taps: ['block4_conv3', 'block5_pool'],
        pooling: 'avg-max',
        views: 1,
        normalise: 'none',
        headUnits: 8,
        dropout: '0',
        l2: '1e-4',
        baseWeights: { uri: 'https://weights.example/vgg16.f32', sha256: 'a'.repeat(64) },
      },
      hyperparameters: {
        epochs: 2,
        batchSize: 1,
        learningRate: '1e-4',
        seed: 0,
        optimizer: 'sgd',
        schedule: 'cosine',
        warmupEpochs: 1,
        patience: 3,
        keepEpoch: 'best',
        classWeights: 'none',
        unitWeights: 'equal',
      },
      packaging: { int8: true },
      checkpoint: { volumeClaim: 'checkpoints', everySeconds: 30 },
      augmentation: { copies: 2, rotationDegrees: 5, shiftPercent: 0, scalePercent: 0, noise: 20 },
      trainer: {
        image: 'registry.example/hilum-trainer@sha256:0',
        resources: { requests: { cpu: 2, memory: '1.5Gi' }, limits: { 'nvidia.com/gpu': 1 } },
        nodeSelector: { pool: 'gpu' },
      },
      tracking: { uri: 'http://mlflow.team-a.svc:5000', experiment: 'lung nodules' },
      registration: {
        model: 'lung',
        alias: 'challenger',
        gate: {
          level: 'unit',
          minAucRoc: '0.85',
          minAucRocLower95: '0.8',
          beatsShortcuts: true,
          maxBelowChampion: '0.01',
        },
      },
      limits: { startSeconds: 10, activeSeconds: 60, retries: 0 },
    },
  },
  {
    name: 'a split that leaves too little to train on',
    kind: 'TrainingRun',
    spec: aRun({ dataset: { split: { validationPercent: 50, testPercent: 40 } } }),
    refused: 'together leave less than 20 percent',
  },
  {
    name: 'a claim beside a web remote',
    kind: 'TrainingRun',
    spec: aRun({ dataset: { volumeClaim: 'ct-store' } }),
    refused: 'remote must start with file:///data/',
  },
  {
    name: 'a file remote without a claim',
    kind: 'TrainingRun',
    spec: aRun({ dataset: { remote: 'file:///data/store' } }),
    refused: 'a file remote needs volumeClaim',
  },
  {
    name: 'a remote with a password in its address',
    kind: 'TrainingRun',
    spec: aRun({ dataset: { remote: 'https://user:word@dvc.example/store' } }),
    refused: 'remote',
  },
  {
    name: 'a table of labels outside of the dataset',
    kind: 'TrainingRun',
    spec: aRun({ dataset: { labels: { table: '/etc/labels.csv' } } }),
    refused: 'labels.table',
  },
  {
    name: 'a table of labels above the dataset',
    kind: 'TrainingRun',
    spec: aRun({ dataset: { labels: { table: 'a/../../labels.csv' } } }),
    refused: 'leave .. out',
  },
  {
    name: 'an md5 of a file instead of a directory',
    kind: 'TrainingRun',
    spec: aRun({ dataset: { md5: '0'.repeat(32) } }),
    refused: 'md5',
  },
  {
    name: 'a learning rate of zero',
    kind: 'TrainingRun',
    spec: aRun({ hyperparameters: { learningRate: '0.000' } }),
    refused: 'learningRate must be above 0',
  },
  {
    name: 'a learning rate that is a word',
    kind: 'TrainingRun',
    spec: aRun({ hyperparameters: { learningRate: 'fast' } }),
    refused: 'learningRate',
  },
  {
    name: 'patience with the last epoch',
    kind: 'TrainingRun',
    spec: aRun({ hyperparameters: { keepEpoch: 'last', patience: 2 } }),
    refused: 'it goes with keepEpoch best only',
  },
  {
    name: 'a warm-up that never ends',
    kind: 'TrainingRun',
    spec: aRun({ hyperparameters: { epochs: 3, warmupEpochs: 3 } }),
    refused: 'warmupEpochs must be below epochs',
  },
  {
    name: 'a tap before the layers that learn',
    kind: 'TrainingRun',
    spec: aRun({ model: { trainableFrom: 'block4_conv2', taps: ['block4_conv1', 'block5_pool'] } }),
    refused: 'a tap lies before trainableFrom',
  },
  {
    name: 'the pixels beside layers that learn',
    kind: 'TrainingRun',
    spec: aRun({ model: { trainableFrom: 'block1_conv1', taps: ['pixels', 'block5_pool'] } }),
    refused: 'a tap lies before trainableFrom',
  },
  {
    name: 'shallow taps, views and ranks with a head alone',
    kind: 'TrainingRun',
    spec: aRun({
      model: { taps: ['block1_conv2', 'block3_conv3'], views: 4, normalise: 'quantile', headUnits: 0 },
    }),
  },
  {
    name: 'views of maps that change',
    kind: 'TrainingRun',
    spec: aRun({ model: { trainableFrom: 'block5_conv1', views: 4 } }),
    refused: 'they go with trainableFrom head only',
  },
  {
    name: 'a number of views between one and four',
    kind: 'TrainingRun',
    spec: aRun({ model: { views: 2 } }),
    refused: 'views is 1 or 4',
  },
  {
    name: 'a remote in an object store',
    kind: 'TrainingRun',
    spec: aRun({ dataset: { remote: 's3://ct-images/store' } }),
  },
  {
    name: 'a dropout of one',
    kind: 'TrainingRun',
    spec: aRun({ model: { dropout: '1' } }),
    refused: 'dropout',
  },
  {
    name: 'an alias that MLflow reserves',
    kind: 'TrainingRun',
    spec: aRun({ registration: { alias: 'latest' } }),
    refused: 'MLflow reserves the aliases',
  },
  {
    name: 'a gate above one',
    kind: 'TrainingRun',
    spec: aRun({ registration: { gate: { minAucRoc: '1.5' } } }),
    refused: 'minAucRoc',
  },
  {
    name: 'a run without a model to register',
    kind: 'TrainingRun',
    spec: aRun({ registration: undefined }),
    refused: 'registration',
  },
  {
    name: 'a memory request that is no quantity',
    kind: 'TrainingRun',
    spec: aRun({ trainer: { resources: { requests: { memory: 'much' } } } }),
    refused: 'memory',
  },

  { name: 'a deployment with the least it needs', kind: 'ModelDeployment', spec: minimalModelDeployment },
  {
    name: 'a deployment with every field that go together',
    kind: 'ModelDeployment',
    spec: {
      scaling: { minReplicas: 2, maxReplicas: 4, targetCPUUtilizationPercentage: 60 },
      model: { trackingUri: 'http://mlflow.team-a.svc:5000', name: 'lung', version: '3', pollSeconds: 5 },
      server: { image: 'server:1', resources: { requests: { cpu: '500m' } }, nodeSelector: { pool: 'cpu' } },
      limits: { progressSeconds: 60, maxBodyBytes: 1_048_576 },
    },
  },
  {
    name: 'replicas beside scaling',
    kind: 'ModelDeployment',
    spec: aDeployment({ replicas: 2, scaling: { maxReplicas: 3 } }),
    refused: 'replicas and scaling exclude each other',
  },
  {
    name: 'fewer pods at most than at least',
    kind: 'ModelDeployment',
    spec: aDeployment({ scaling: { minReplicas: 3, maxReplicas: 2 } }),
    refused: 'minReplicas is above maxReplicas',
  },
  {
    name: 'alias and version together',
    kind: 'ModelDeployment',
    spec: aDeployment({ model: { version: '3' } }),
    refused: 'exactly one of alias',
  },
  {
    name: 'neither alias nor version',
    kind: 'ModelDeployment',
    spec: aDeployment({ model: { alias: undefined } }),
    refused: 'exactly one of alias',
  },
  {
    name: 'to follow an alias that MLflow reserves',
    kind: 'ModelDeployment',
    spec: aDeployment({ model: { alias: 'v2' } }),
    refused: 'MLflow reserves the aliases',
  },
  {
    name: 'a model name with a slash',
    kind: 'ModelDeployment',
    spec: aDeployment({ model: { name: 'team/lung' } }),
    refused: 'model.name',
  },
];
