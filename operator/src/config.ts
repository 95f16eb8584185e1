/** The operator's configuration, from its environment. */
import { z } from 'zod';

/** Every variable that the operator reads, with its meaning. */
export const ENVIRONMENT = {
  HILUM_TRAINER_IMAGE: 'Image of training pods; spec.trainer.image goes before it. Required.',
  HILUM_TRAINER_GPU_IMAGE:
    'Image of training pods whose limits ask for an NVIDIA GPU; without it such a run needs spec.trainer.image.',
  HILUM_SERVER_IMAGE: 'Image of serving pods; spec.server.image goes before it. Required.',
  HILUM_MLFLOW_URI: 'MLflow server; spec.tracking.uri and spec.model.trackingUri go before it. Required.',
  HILUM_MLFLOW_CREDENTIALS_SECRET:
    'Secret in the namespace of a run or deployment, with MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD for its pods.',
  HILUM_IMAGE_PULL_SECRETS:
    'Secrets in the namespace of a run or deployment, separated by commas, with which its pods pull their image.',
  MLFLOW_TRACKING_USERNAME: 'User with which the operator itself asks the MLflow server of HILUM_MLFLOW_URI.',
  MLFLOW_TRACKING_PASSWORD: 'Its password.',
  HILUM_WATCH_NAMESPACES: 'Namespaces to work in, separated by commas; empty is all.',
  HILUM_WORKERS: 'Objects of a kind worked on at a time; default 4.',
  HILUM_KUBE_QPS: 'Calls a second to the API server; default 100, -1 is no limit.',
  HILUM_HEALTH_PORT: 'Port of /healthz, /readyz and /metrics; default 8081.',
  HILUM_LEADER_ELECTION: 'false works without a lease, for one process outside a cluster; default true.',
  HILUM_LOG_LEVEL: 'debug, info, warn or error; default info.',
  POD_NAME: 'Identity in the lease.',
  POD_NAMESPACE: 'Namespace of the lease.',
} as const;

const nameList = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );

const environmentSchema = z.object({
  HILUM_TRAINER_IMAGE: z.string().min(1),
  HILUM_TRAINER_GPU_IMAGE: z.string().optional(),
  HILUM_SERVER_IMAGE: z.string().min(1),
  HILUM_MLFLOW_URI: z.url({ protocol: /^https?$/ }),
  HILUM_MLFLOW_CREDENTIALS_SECRET: z.string().optional(),
  HILUM_IMAGE_PULL_SECRETS: nameList,
  MLFLOW_TRACKING_USERNAME: z.string().optional(),
  MLFLOW_TRACKING_PASSWORD: z.string().optional(),
  HILUM_WATCH_NAMESPACES: nameList,
  HILUM_WORKERS: z.coerce.number().int().min(1).max(64).default(4),
  HILUM_KUBE_QPS: z.coerce.number().min(-1).default(100),
  HILUM_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(8081),
  HILUM_LEADER_ELECTION: z.enum(['true', 'false']).default('true'),
  HILUM_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  POD_NAME: z.string().min(1).default('hilum-operator'),
  POD_NAMESPACE: z.string().min(1).default('default'),
} satisfies Record<keyof typeof ENVIRONMENT, z.ZodType>);

/** What the builders of children need. */
export interface ChildDefaults {
  readonly trainerImage: string;
  /** Absent where the operator was installed without one. */
  readonly trainerGpuImage?: string;
  readonly serverImage: string;
  readonly mlflowUri: string;
  /** Name of the optional Secret with MLflow credentials for pods. */
  readonly mlflowSecret?: string;
  /** Names of Secrets in the namespace of the pods. */
  readonly imagePullSecrets: readonly string[];
}

export interface OperatorConfig extends ChildDefaults {
  /** For `mlflowUri` only: they are never sent to an address that a spec names. */
  readonly mlflowCredentials?: { readonly username: string; readonly password: string };
  /** Empty: all. */
  readonly watchNamespaces: readonly string[];
  readonly workers: number;
  readonly kubeQps: number;
  readonly healthPort: number;
  readonly leaderElection: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly podName: string;
  readonly podNamespace: string;
}

/** Throws with every variable that is missing or wrong. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): OperatorConfig {
  // A chart sets an absent value as an empty one.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = environmentSchema.safeParse(given);
  if (!result.success) {
    const wrong = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`the operator's environment is not right: ${wrong.join('; ')}`);
  }
  const env = result.data;
  const { MLFLOW_TRACKING_USERNAME: username, MLFLOW_TRACKING_PASSWORD: password } = env;
  return {
    trainerImage: env.HILUM_TRAINER_IMAGE,
    ...(env.HILUM_TRAINER_GPU_IMAGE === undefined ? {} : { trainerGpuImage: env.HILUM_TRAINER_GPU_IMAGE }),
    serverImage: env.HILUM_SERVER_IMAGE,
    mlflowUri: env.HILUM_MLFLOW_URI.replace(/\/+$/, ''),
    ...(env.HILUM_MLFLOW_CREDENTIALS_SECRET === undefined
      ? {}
      : { mlflowSecret: env.HILUM_MLFLOW_CREDENTIALS_SECRET }),
    imagePullSecrets: env.HILUM_IMAGE_PULL_SECRETS,
    ...(username === undefined || password === undefined
      ? {}
      : { mlflowCredentials: { username, password } }),
    watchNamespaces: env.HILUM_WATCH_NAMESPACES,
    workers: env.HILUM_WORKERS,
    kubeQps: env.HILUM_KUBE_QPS,
    healthPort: env.HILUM_HEALTH_PORT,
    leaderElection: env.HILUM_LEADER_ELECTION === 'true',
    logLevel: env.HILUM_LOG_LEVEL,
    podName: env.POD_NAME,
    podNamespace: env.POD_NAMESPACE,
  };
}
