/** The server's settings, from the environment: one table, parsed once. */
import { z } from 'zod';
import {
  type AccessConfig,
  type TlsConfig,
  type WebConfig,
  accessOf,
  accessVariables,
} from './access/config.ts';
import { ConfigError } from './config-error.ts';
import { type EngineConfig, engineOf, engineVariables } from './engine/config.ts';
import { type LedgerConfig, ledgerOf, ledgerVariables } from './ledger/config.ts';

export { ConfigError };

/** The kinds of address, and what each is written like; whatever begins with no scheme is a folder. */
const MODEL_URIS: Readonly<Record<string, { readonly form: RegExp; readonly example: string }>> = {
  models: {
    form: /^models:\/[^/@]+(?:@[^/@]+|\/[0-9]+)$/,
    example: 'a registry model is written models:/NAME/VERSION or models:/NAME@ALIAS',
  },
  runs: { form: /^runs:\/\w[\w-]*(?:\/.+)?$/, example: 'the files of a run are written runs:/RUN_ID/PATH' },
  s3: { form: /^s3:\/\/[a-z0-9][\w.-]{1,62}(?:\/.*)?$/i, example: 'a bucket is written s3://BUCKET/PREFIX' },
  oci: {
    form: /^oci:\/\/[^/\s]+\/[^\s:@]+(?::\w[\w.-]*|(?::\w[\w.-]*)?@sha256:[0-9a-f]{64})$/,
    example: 'an artifact is written oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@sha256:…',
  },
};
const modelUri = z
  .string(
    'the model to serve is missing: a package directory, models:/NAME@ALIAS, runs:/…, s3://… or oci://…',
  )
  .min(1)
  .check(({ value, issues }) => {
    const scheme = /^([a-z][a-z0-9+.-]*):/.exec(value)?.[1];
    const kind = scheme === undefined ? undefined : MODEL_URIS[scheme];
    const message =
      kind === undefined
        ? `a model comes from a folder or from ${Object.keys(MODEL_URIS).join(', ')}, not from ${scheme}`
        : kind.example;
    const isGood = scheme === undefined || kind?.form.test(value) === true;
    if (!isGood) issues.push({ code: 'custom', message, input: value });
  });
const count = (fallback: number, min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.coerce.number({ error }).int({ error }).min(min, { error }).max(max, { error }).default(fallback);
};

const envSchema = z.object({
  HILUM_MODEL_URI: modelUri,
  HILUM_MLFLOW_URI: z.url({ protocol: /^https?$/ }).optional(),
  MLFLOW_TRACKING_USERNAME: z.string().optional(),
  MLFLOW_TRACKING_PASSWORD: z.string().optional(),
  HILUM_MODEL_DIGEST: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'a digest is sha256: and 64 hex digits')
    .optional(),
  HILUM_MODEL_CACHE: z.string().min(1).optional(),
  HILUM_HOST: z.string().min(1).default('127.0.0.1'),
  HILUM_PORT: count(8080, 0, 65_535),
  HILUM_MAX_BODY_BYTES: count(33_554_432, 1, 1_073_741_824),
  HILUM_MAX_SERIES_BYTES: count(268_435_456, 1, 2_147_483_647),
  HILUM_QUEUE_LIMIT: count(16, 1, 10_000),
  HILUM_MAX_IN_FLIGHT: count(64, 1, 10_000),
  HILUM_MAX_BYTES_IN_FLIGHT: count(268_435_456, 1, 68_719_476_736),
  HILUM_DEADLINE_MS: count(10_000, 10, 600_000),
  HILUM_SERIES_DEADLINE_MS: count(120_000, 10, 3_600_000),
  HILUM_BODY_TIMEOUT_MS: count(30_000, 100, 600_000),
  HILUM_SELF_CHECK: count(1_000, 0, 1_000_000),
  HILUM_EXPLAIN_LIMIT: count(2, 0, 1_000),
  HILUM_LINGER_MS: count(0, 0, 60_000),
  HILUM_DRAIN_MS: count(20_000, 0, 600_000),
  HILUM_PAGE: z.enum(['on', 'off']).default('on'),
  HILUM_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  HILUM_OTEL: z.enum(['on', 'off', 'auto']).default('auto'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().optional(),
  ...ledgerVariables,
  ...engineVariables,
  ...accessVariables,
});

/** What one request may take from the server. */
export interface Limits {
  /** Of one image, or of tensors. */
  readonly maxBodyBytes: number;
  /** Of a series: its form or zip, and what the zip unpacks to. */
  readonly maxSeriesBytes: number;
  /** Images that may wait for the engine. */
  readonly queue: number;
  /** Requests whose bytes may be in memory at once, at any stage. */
  readonly inFlight: number;
  /** Bytes of bodies that may be in memory at once; one body always fits. */
  readonly bytesInFlight: number;
  /** From the complete body to the answer, and the most that a client may ask for. */
  readonly deadlineMs: number;
  /** The same for a series. */
  readonly seriesDeadlineMs: number;
  /** For the complete request to arrive, and for its answer to leave. */
  readonly bodyTimeoutMs: number;
  /** Of so many batches one image is computed again alone and compared; 0 for never. */
  readonly selfCheckEvery: number;
  /** Explanations that may be made at the same time; 0 for none at all. */
  readonly explanations: number;
}

export interface ServerConfig {
  readonly model: {
    readonly uri: string;
    readonly digest?: string;
    readonly cacheDir?: string;
    readonly mlflow?: { readonly baseUrl: string; readonly username?: string; readonly password?: string };
  };
  readonly host: string;
  readonly port: number;
  readonly engine: EngineConfig;
  readonly access: AccessConfig;
  readonly tls?: TlsConfig;
  readonly web: WebConfig;
  readonly limits: Limits;
  /** Between "not ready" and the closed door, so that load balancers notice first. */
  readonly lingerMs: number;
  /** For the requests in flight at the end. */
  readonly drainMs: number;
  /** Whether `/` is the page for people; else it leads to the page of the API. */
  readonly page: boolean;
  /** Where each prediction is written down; absent for nowhere. */
  readonly ledger?: LedgerConfig;
  /** Whether traces and metrics are sent by OpenTelemetry, which reads its own OTEL_* variables. */
  readonly telemetry: boolean;
  readonly logLevel: string;
}

/** Reads HILUM_* (and MLFLOW_TRACKING_*) from `env`; throws ConfigError. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ServerConfig {
  const parsed = envSchema.safeParse(env);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(lines.join('\n'));
  }
  const e = parsed.data;
  if (/^(models|runs):/.test(e.HILUM_MODEL_URI) && e.HILUM_MLFLOW_URI === undefined) {
    throw new ConfigError(
      'HILUM_MLFLOW_URI: a models:/ or runs:/ address needs the tracking server it lives on',
    );
  }
  return {
    model: {
      uri: e.HILUM_MODEL_URI,
      ...(e.HILUM_MODEL_DIGEST === undefined ? {} : { digest: e.HILUM_MODEL_DIGEST }),
      ...(e.HILUM_MODEL_CACHE === undefined ? {} : { cacheDir: e.HILUM_MODEL_CACHE }),
      ...(e.HILUM_MLFLOW_URI === undefined ? {} : { mlflow: mlflowOf(e.HILUM_MLFLOW_URI, e) }),
    },
    host: e.HILUM_HOST,
    port: e.HILUM_PORT,
    engine: engineOf(e),
    ...accessOf(e, e.HILUM_HOST),
    limits: {
      maxBodyBytes: e.HILUM_MAX_BODY_BYTES,
      maxSeriesBytes: e.HILUM_MAX_SERIES_BYTES,
      queue: e.HILUM_QUEUE_LIMIT,
      inFlight: e.HILUM_MAX_IN_FLIGHT,
      bytesInFlight: e.HILUM_MAX_BYTES_IN_FLIGHT,
      deadlineMs: e.HILUM_DEADLINE_MS,
      seriesDeadlineMs: e.HILUM_SERIES_DEADLINE_MS,
      bodyTimeoutMs: e.HILUM_BODY_TIMEOUT_MS,
      selfCheckEvery: e.HILUM_SELF_CHECK,
      explanations: e.HILUM_EXPLAIN_LIMIT,
    },
    lingerMs: e.HILUM_LINGER_MS,
    drainMs: e.HILUM_DRAIN_MS,
    page: e.HILUM_PAGE === 'on',
    ...ledgerOf(e),
    telemetry:
      e.HILUM_OTEL === 'on' || (e.HILUM_OTEL === 'auto' && (e.OTEL_EXPORTER_OTLP_ENDPOINT ?? '') !== ''),
    logLevel: e.HILUM_LOG_LEVEL,
  };
}

function mlflowOf(
  baseUrl: string,
  env: z.infer<typeof envSchema>,
): NonNullable<ServerConfig['model']['mlflow']> {
  return {
    baseUrl,
    ...(env.MLFLOW_TRACKING_USERNAME === undefined ? {} : { username: env.MLFLOW_TRACKING_USERNAME }),
    ...(env.MLFLOW_TRACKING_PASSWORD === undefined ? {} : { password: env.MLFLOW_TRACKING_PASSWORD }),
  };
}
