/** What the pod was given, in one environment variable and a few paths → the options of a run. Pure. */
import { trainerConfigSchema, type TrainerConfig } from '@hilum/crds';
import { z } from 'zod';
import type { RemoteAuth } from './dvc/remote.ts';
import { TrainerError } from './errors.ts';
import type { Gates } from './evaluation/judge.ts';
import type { TrainOptions } from './options.ts';
import { recipeOf } from './recipe.ts';

export interface PodConfig {
  readonly run: TrainerConfig;
  /** Holds data, features and the package; an emptyDir in the pod. */
  readonly workDir: string;
  /** Canonical file in the image, used where the run names no other. */
  readonly baseWeights: string;
  readonly terminationLog: string;
  /** How long a tracking server that does not answer at the start is waited for. */
  readonly trackingWaitMs: number;
  readonly mlflow: { readonly username?: string; readonly password?: string; readonly token?: string };
  readonly remoteAuth?: RemoteAuth;
  /** Folder on a volume for checkpoints and what could not be sent; absent where the run has none. */
  readonly checkpointDir?: string;
}

/** Every variable that the trainer reads. */
const envSchema = z.object({
  HILUM_TRAINER_CONFIG: z.string('the configuration of the run is missing'),
  HILUM_WORK_DIR: z.string().min(1).default('/work'),
  HILUM_BASE_WEIGHTS: z.string().min(1).default('/opt/hilum/vgg16-notop.f32'),
  HILUM_TERMINATION_LOG: z.string().min(1).default('/dev/termination-log'),
  HILUM_TRACKING_WAIT_SECONDS: z.coerce.number().min(0).max(3600).default(90),
  MLFLOW_TRACKING_USERNAME: z.string().optional(),
  MLFLOW_TRACKING_PASSWORD: z.string().optional(),
  MLFLOW_TRACKING_TOKEN: z.string().optional(),
  HILUM_DVC_USERNAME: z.string().optional(),
  HILUM_DVC_PASSWORD: z.string().optional(),
  HILUM_DVC_TOKEN: z.string().optional(),
  HILUM_DVC_TOKEN_SCHEME: z.enum(['Bearer', 'token']).default('Bearer'),
  HILUM_DVC_HEADER: z.string().optional(),
  HILUM_DVC_HEADER_VALUE: z.string().optional(),
  HILUM_CHECKPOINT_DIR: z.string().min(1).optional(),
});

/** @throws TrainerError BAD_CONFIG, one line a mistake */
export function readPodConfig(env: Readonly<Record<string, string | undefined>>): PodConfig {
  const parsed = envSchema.safeParse(env);
  if (!parsed.success) throw badConfig(parsed.error);
  const e = parsed.data;
  const run = trainerConfigSchema.safeParse(fromJson(e.HILUM_TRAINER_CONFIG));
  if (!run.success) throw badConfig(run.error);
  const mlflow = {
    ...(e.MLFLOW_TRACKING_USERNAME === undefined ? {} : { username: e.MLFLOW_TRACKING_USERNAME }),
    ...(e.MLFLOW_TRACKING_PASSWORD === undefined ? {} : { password: e.MLFLOW_TRACKING_PASSWORD }),
    ...(e.MLFLOW_TRACKING_TOKEN === undefined ? {} : { token: e.MLFLOW_TRACKING_TOKEN }),
  };
  const remoteAuth = authOf(e, run.data);
  return {
    run: run.data,
    workDir: e.HILUM_WORK_DIR,
    baseWeights: e.HILUM_BASE_WEIGHTS,
    terminationLog: e.HILUM_TERMINATION_LOG,
    trackingWaitMs: e.HILUM_TRACKING_WAIT_SECONDS * 1000,
    mlflow,
    ...(remoteAuth === undefined ? {} : { remoteAuth }),
    ...(e.HILUM_CHECKPOINT_DIR === undefined ? {} : { checkpointDir: e.HILUM_CHECKPOINT_DIR }),
  };
}

/** The part of the options that the run itself decides. */
export function optionsOf(
  run: TrainerConfig,
): Pick<
  TrainOptions,
  | 'split'
  | 'positiveLabel'
  | 'preprocessing'
  | 'model'
  | 'hyperparameters'
  | 'augmentation'
  | 'int8'
  | 'dataset'
  | 'registration'
> {
  const { dataset, preprocessing, registration } = run;
  const { gate } = registration;
  return {
    dataset: { md5: dataset.md5, remote: dataset.remote },
    split: dataset.split,
    ...(dataset.positiveLabel === undefined ? {} : { positiveLabel: dataset.positiveLabel }),
    preprocessing,
    ...recipeOf(run),
    int8: run.packaging.int8,
    registration: {
      model: registration.model,
      alias: registration.alias,
      ...(gate === undefined ? {} : { gate: gatesOf(gate) }),
    },
  };
}

function gatesOf(gate: NonNullable<TrainerConfig['registration']['gate']>): Gates {
  const { level, minAucRoc, minAucRocLower95, beatsShortcuts, maxBelowChampion } = gate;
  return {
    level,
    minAucRoc: Number(minAucRoc),
    beatsShortcuts,
    ...(minAucRocLower95 !== undefined && { minAucRocLower95: Number(minAucRocLower95) }),
    ...(maxBelowChampion !== undefined && { notBelowChampion: { margin: Number(maxBelowChampion) } }),
  };
}

/**
 * Credentials for the dataset's remote: its own, or MLflow's where the remote is that very server. MLflow's are never
 * sent anywhere else.
 */
function authOf(e: z.infer<typeof envSchema>, run: TrainerConfig): RemoteAuth | undefined {
  if (e.HILUM_DVC_TOKEN !== undefined) {
    return { token: e.HILUM_DVC_TOKEN, scheme: e.HILUM_DVC_TOKEN_SCHEME };
  }
  if (e.HILUM_DVC_HEADER !== undefined) {
    return { header: e.HILUM_DVC_HEADER, value: e.HILUM_DVC_HEADER_VALUE ?? '' };
  }
  const own = pair(e.HILUM_DVC_USERNAME, e.HILUM_DVC_PASSWORD);
  if (own !== undefined) return own;
  const isMlflow = new URL(run.dataset.remote).origin === new URL(run.tracking.uri).origin;
  return isMlflow ? pair(e.MLFLOW_TRACKING_USERNAME, e.MLFLOW_TRACKING_PASSWORD) : undefined;
}

function pair(username: string | undefined, password: string | undefined): RemoteAuth | undefined {
  return username === undefined ? undefined : { username, password: password ?? '' };
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TrainerError('BAD_CONFIG', 'HILUM_TRAINER_CONFIG is not JSON', { cause });
  }
}

function badConfig(error: z.ZodError): TrainerError {
  const lines = error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  return new TrainerError('BAD_CONFIG', lines.join('; '), { cause: error });
}
