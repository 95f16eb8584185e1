/** The two messages between the operator and the training pod. The pod needs no Kubernetes permission for either. */
import { z } from 'zod';
import { type DeepReadonly, httpUrl, integer, pattern, sha256Digest, text } from './fields.ts';
import { patientCounts, trainerParts } from './training-run.ts';

/** What the operator gives the trainer, as JSON in HILUM_TRAINER_CONFIG. */
export const trainerConfigSchema = z.strictObject({
  run: z.strictObject({
    name: text(253, 'Name of the TrainingRun.'),
    namespace: text(63, 'Its namespace.'),
    uid: text(64, 'Its uid, by which the MLflow run is found again.'),
  }),
  dataset: trainerParts.dataset,
  preprocessing: trainerParts.preprocessing,
  model: trainerParts.model,
  hyperparameters: trainerParts.hyperparameters,
  augmentation: trainerParts.augmentation,
  packaging: trainerParts.packaging.prefault({}),
  /** Absent where the run has no volume for checkpoints. */
  checkpoint: z
    .strictObject({ everySeconds: integer(5, 86_400, 'Longest time between two checkpoints.') })
    .optional(),
  tracking: z.strictObject({
    uri: httpUrl('MLflow server.'),
    experiment: text(250, 'MLflow experiment.'),
  }),
  registration: trainerParts.registration,
});

const succeeded = z.object({
  outcome: z.literal('succeeded'),
  experimentId: z.string().max(64),
  runId: z.string().max(64),
  dataset: z.object({ files: z.int().min(0), patients: patientCounts }),
  evaluation: z.object({
    accuracy: z.number().min(0).max(1),
    aucRoc: z.number().min(0).max(1),
    samples: z.int().min(0),
  }),
  gate: z.object({ passed: z.boolean(), message: z.string().max(512) }),
  model: z.object({
    name: z.string().max(128),
    version: z.string().max(16),
    digest: sha256Digest('Digest of the model package.'),
    alias: z.string().max(63).optional(),
  }),
});

const failed = z.object({
  outcome: z.literal('failed'),
  code: pattern(64, /^[A-Z][A-Z0-9_]*$/, 'Stable code of the cause.'),
  message: z.string().max(2048),
  retryable: z.boolean(),
});

/** What the trainer leaves in its termination message: JSON of at most 4096 bytes. */
export const trainerReportSchema = z.discriminatedUnion('outcome', [succeeded, failed]);

export type TrainerConfig = DeepReadonly<z.output<typeof trainerConfigSchema>>;
export type TrainerReport = DeepReadonly<z.output<typeof trainerReportSchema>>;

/** How the trainer's container ends. The Job retries what is not final. */
export const TRAINER_EXIT_CODES = {
  /** The model is registered. */
  ok: 0,
  /** The configuration is wrong; final. */
  badConfig: 64,
  /** The data are wrong or absent; final. */
  badData: 65,
  /** Something it depends on did not answer; worth a retry. */
  unavailable: 69,
  /** A bug; retried, since it may have been the node. */
  internal: 70,
} as const;
