/** TrainingRun: from a pinned dataset to an evaluated, registered, aliased model. */
import { z } from 'zod';
import {
  type DeepReadonly,
  conditions,
  count,
  httpUrl,
  image,
  integer,
  modelAlias,
  modelName,
  nodeSelector,
  objectName,
  observedGeneration,
  pattern,
  resources,
  seed,
  sha256Digest,
  statusText,
  text,
  timestamp,
} from './fields.ts';
import { augmentation, hyperparameters, network, preprocessing } from './recipe.ts';
import { immutable, ruled } from './rules.ts';

const split = ruled(
  z.strictObject({
    seed: seed('Seed of the assignment: the same seed and dataset give the same parts.'),
    validationPercent: integer(
      1,
      60,
      'Share of the patients held out for validation while training.',
    ).default(20),
    testPercent: integer(1, 60, 'Share of the patients held out for the final evaluation.').default(20),
  }),
  [
    {
      rule: 'self.validationPercent + self.testPercent <= 80',
      message:
        'validationPercent and testPercent together leave less than 20 percent to train on; lower one of them',
      holds: (self) => self.validationPercent + self.testPercent <= 80,
    },
  ],
).describe('How patients are divided. A patient is never on two sides.');

const dataset = ruled(
  z.strictObject({
    remote: pattern(
      2048,
      /^(https?:\/\/[^\s/@]+(\/\S*)?|s3:\/\/[^\s/@]+(\/\S*)?|file:\/\/\/\S+)$/,
      'Address of the DVC remote: http(s)://…, s3://bucket/…, or file:///data/… inside the claim named by volumeClaim.',
    ),
    md5: pattern(
      36,
      /^[0-9a-f]{32}\.dir$/,
      'The pin: the DVC md5 of the dataset directory, as in the .dvc file, ending in .dir.',
    ),
    volumeClaim: objectName(
      'PersistentVolumeClaim that holds the remote, mounted read-only at /data.',
    ).optional(),
    credentialsSecret: objectName(
      'Secret with what the remote asks for: HILUM_DVC_USERNAME and HILUM_DVC_PASSWORD, HILUM_DVC_TOKEN, or the variables of AWS such as AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL.',
    ).optional(),
    labels: z
      .strictObject({
        table: ruled(
          pattern(
            512,
            /^[^/\s][^\s]*\.csv$/,
            'Path in the dataset of a manifest.csv (path, label, group) or a nodules.csv (ratings of radiologists).',
          ),
          [
            {
              rule: "!self.split('/').exists(part, part == '..')",
              message: 'labels.table lies in the dataset: leave .. out',
              holds: (self) => !self.split('/').includes('..'),
            },
          ],
        ),
        columns: z.array(text(63, 'Name of a column.')).max(16).default([]).meta({
          'x-kubernetes-list-type': 'set',
          description: 'Columns by which the evaluation parts the test images, such as the scanner.',
        }),
      })
      .optional()
      .describe('Where the labels are written; by default they are the names of the folders.'),
    split: split.prefault({}),
    positiveLabel: text(
      63,
      'The class whose probability AUC-ROC is about; by default malignant, else the last in alphabetical order.',
    ).optional(),
  }),
  [
    {
      rule: "!has(self.volumeClaim) || self.remote.startsWith('file:///data/')",
      message: 'volumeClaim is mounted at /data, so remote must start with file:///data/',
      holds: (self) => self.volumeClaim === undefined || self.remote.startsWith('file:///data/'),
    },
    {
      rule: "!self.remote.startsWith('file:') || has(self.volumeClaim)",
      message: 'a file remote needs volumeClaim, the PersistentVolumeClaim that holds it',
      holds: (self) => !self.remote.startsWith('file:') || self.volumeClaim !== undefined,
    },
  ],
).describe('The images, as DVC pinned them: <label>/<patient>/… with DICOM, or PNG and JPEG.');

/** From 0 to 1, as text: Kubernetes has no exact fractions. */
const share = (description: string) => pattern(8, /^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$/, description);

const registration = z
  .strictObject({
    model: modelName('Registered model in MLflow; made if it does not exist.'),
    alias: modelAlias('Alias to point at the new version once it passes the gate.').default('champion'),
    gate: z
      .strictObject({
        level: z
          .enum(['image', 'unit', 'patient'])
          .default('image')
          .describe('Whose figures are judged: those of images, of nodules or series, or of patients.'),
        minAucRoc: share('The least AUC-ROC on the test part with which the alias moves.').default('0.80'),
        minAucRocLower95: share(
          'The least that the lower end of its 95 percent interval, by a bootstrap over patients, may be.',
        ).optional(),
        beatsShortcuts: z
          .boolean()
          .default(false)
          .describe(
            'Whether the model must be better than file size, mean grey, image shape and a known diameter alone: the interval of each difference lies above 0.',
          ),
        maxBelowChampion: share(
          'By how much its AUC-ROC may be below that of the model that the alias points at, on the images that both were tested on.',
        ).optional(),
      })
      .optional()
      .describe(
        'What a model must reach before the alias points at it. Without a gate every finished model passes.',
      ),
  })
  .describe('Where the model goes.');

const trainer = z
  .strictObject({
    image: image(
      'Trainer image, best by digest; by default the one the operator was installed with, or its GPU image where limits ask for an nvidia.com GPU.',
    ).optional(),
    resources: resources('CPU, memory and GPU of the training pod.').prefault({}),
    nodeSelector: nodeSelector('Labels of the nodes that may run the training pod.').optional(),
  })
  .describe('The pod that trains.');

const checkpoint = z
  .strictObject({
    volumeClaim: objectName(
      'PersistentVolumeClaim for checkpoints, mounted at /checkpoints; a pod that takes over from another goes on from there.',
    ),
    everySeconds: integer(5, 86_400, 'Longest time between two checkpoints.').default(60),
  })
  .describe('Where an unfinished run is kept. Without it a new pod begins at the first epoch.');

const packaging = z
  .strictObject({
    int8: z
      .boolean()
      .default(false)
      .describe(
        'Whether a quantised ONNX file goes with the model, where it costs at most 0.005 of AUC-ROC on validation.',
      ),
  })
  .describe('What the model package holds beside the model.');

const tracking = z
  .strictObject({
    uri: httpUrl('MLflow server; by default the one the operator was installed with.').optional(),
    experiment: pattern(
      250,
      /^[^\s/:"']([^/:"']*[^\s/:"'])?$/,
      'MLflow experiment; made if it does not exist.',
    ).default('hilum'),
  })
  .describe('Where the run is recorded.');

const limits = z
  .strictObject({
    startSeconds: integer(10, 604_800, 'How long the pod may take to start before the run fails.').default(
      1800,
    ),
    activeSeconds: integer(60, 2_592_000, 'How long the run may take in all, retries included.').default(
      86_400,
    ),
    retries: integer(
      0,
      20,
      'How many failures of the pod are tried again. A disruption, such as a drained node, is not counted.',
    ).default(2),
  })
  .describe('Deadlines and retries; these may change while the run goes on.');

const fixed = (what: string) => `${what} cannot change after creation; make a new TrainingRun`;

export const trainingRunSpecSchema = z
  .strictObject({
    suspend: z
      .boolean()
      .default(false)
      .describe(
        'True stops the pod and starts no other; back at false the run goes on from its checkpoint, else from its beginning.',
      ),
    dataset: immutable(dataset, fixed('dataset')),
    preprocessing: immutable(preprocessing, fixed('preprocessing')).prefault({}),
    model: immutable(network, fixed('model')).prefault({}),
    hyperparameters: immutable(hyperparameters, fixed('hyperparameters')).prefault({}),
    augmentation: immutable(augmentation, fixed('augmentation')).prefault({}),
    packaging: immutable(packaging, fixed('packaging')).prefault({}),
    checkpoint: immutable(checkpoint, fixed('checkpoint')).optional(),
    trainer: immutable(trainer, fixed('trainer')).prefault({}),
    tracking: immutable(tracking, fixed('tracking')).prefault({}),
    registration: immutable(registration, fixed('registration')),
    limits: limits.prefault({}),
  })
  .describe('What to train. Everything but suspend and limits is fixed at creation.');

export const patientCounts = z
  .object({
    train: count('Patients to train on.'),
    validation: count('Patients to validate on.'),
    test: count('Patients to evaluate on.'),
  })
  .describe('Patients in each part.');

const decimal = (description: string) => statusText(32, description);

export const trainingRunStatusSchema = z
  .object({
    conditions: conditions(
      'Accepted, DatasetReady, Running, Evaluated, GatePassed, Registered and the summary Succeeded.',
    ),
    observedGeneration: observedGeneration(),
    startTime: timestamp('When the Job was made.').optional(),
    completionTime: timestamp('When the run reached its end, good or bad.').optional(),
    jobName: statusText(63, 'The Job of this run.').optional(),
    dataset: z
      .object({ files: count('Images in the dataset.'), patients: patientCounts })
      .optional()
      .describe('What the dataset held.'),
    progress: z
      .object({
        epoch: count('The last finished epoch.'),
        epochs: count('Epochs in all.'),
        summary: statusText(32, 'Both, as in 7/20.'),
        aucRoc: decimal('AUC-ROC on the validation part after that epoch.').optional(),
        reportedAt: timestamp('When the operator learnt of that epoch.'),
      })
      .optional()
      .describe('How far the training is, as MLflow has it.'),
    evaluation: z
      .object({
        accuracy: decimal('Share of the test images whose most probable class is right; full precision.'),
        aucRoc: decimal('AUC-ROC on the test images; full precision.'),
        samples: count('Images in the test part.'),
        summary: statusText(32, 'AUC-ROC to three digits.'),
      })
      .optional()
      .describe('Result on the test part. Research use only, not for diagnosis.'),
    model: z
      .object({
        name: statusText(128, 'Registered model.'),
        version: statusText(16, 'Its version.'),
        alias: statusText(63, 'The alias that points at it, when the gate was passed.').optional(),
        digest: sha256Digest('Digest of the model package.'),
        summary: statusText(160, 'Name and version, as in lung-vgg16/3.'),
      })
      .optional()
      .describe('The registered version.'),
    tracking: z
      .object({
        experimentId: statusText(64, 'MLflow experiment.'),
        runId: statusText(64, 'MLflow run.'),
        url: statusText(2048, 'The page of the run.'),
      })
      .optional()
      .describe('Where the run is recorded.'),
    failure: z
      .object({
        code: text(64, 'Stable code of the cause.'),
        message: statusText(2048, 'The cause in a sentence.'),
        exitCode: integer(-255, 255, 'How the container ended.').optional(),
      })
      .optional()
      .describe('Why the run failed, or why its last try did.'),
  })
  .describe('What became of it. Written by the operator.');

export type TrainingRunSpec = DeepReadonly<z.output<typeof trainingRunSpecSchema>>;
export type TrainingRunStatus = DeepReadonly<z.output<typeof trainingRunStatusSchema>>;

/** The parts that the trainer gets as they are. */
export const trainerParts = {
  dataset,
  preprocessing,
  model: network,
  hyperparameters,
  augmentation,
  packaging,
  registration,
};
