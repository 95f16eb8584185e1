/** The server's settings from flags; what no flag says comes from the environment, but for the level of the log. */
import { ConfigError, type ServerConfig, readConfig } from '@hilum/server';

/** Flag → the variable that it stands for, and what it says in `--help`. */
const FLAGS = {
  model: {
    variable: 'HILUM_MODEL_URI',
    description: 'a package folder, models:/NAME@ALIAS, runs:/RUN_ID/PATH, s3://… or oci://…',
  },
  mlflow: { variable: 'HILUM_MLFLOW_URI', description: 'tracking server of models:/ and runs:/' },
  digest: { variable: 'HILUM_MODEL_DIGEST', description: 'refuse a package that has another sha256:…' },
  host: { variable: 'HILUM_HOST', description: 'address to listen on; default 127.0.0.1' },
  port: { variable: 'HILUM_PORT', description: 'port to listen on, 0 for a free one; default 8080' },
  engine: {
    variable: 'HILUM_ENGINE',
    description: 'auto, onnxruntime, tensorflow, tensorflow-gpu or wasm; default auto',
  },
  precision: {
    variable: 'HILUM_PRECISION',
    description: 'auto (int8 where the package carries it), float32 or int8; default auto',
  },
  access: { variable: 'HILUM_ACCESS', description: 'open: anybody who reaches the address may ask' },
  'api-keys': { variable: 'HILUM_API_KEYS_FILE', description: 'file of keys that `hilum key` makes' },
  'tls-cert': { variable: 'HILUM_TLS_CERT', description: 'PEM file of the certificate' },
  'tls-key': { variable: 'HILUM_TLS_KEY', description: 'PEM file of its key' },
  ledger: { variable: 'HILUM_LEDGER_DIR', description: 'folder in which each prediction is written down' },
  log: {
    variable: 'HILUM_LOG_LEVEL',
    description: 'log level of the server on standard output; default silent',
  },
} as const;

export type ServerFlags = { readonly [Flag in keyof typeof FLAGS]?: string };

type FlagOptions = {
  readonly [Flag in keyof typeof FLAGS]: { readonly type: 'string'; readonly description: string };
};

/** For the options of a command. */
export const serverFlagOptions = Object.fromEntries(
  Object.entries(FLAGS).map(([flag, { description }]) => [flag, { type: 'string', description }]),
) as FlagOptions;

/** Throws ConfigError that names the flags. */
export function serverConfig(flags: ServerFlags): ServerConfig {
  // The log goes where a command's own output goes, so that it has to be asked for there.
  const given: Record<string, string | undefined> = { HILUM_LOG_LEVEL: 'silent' };
  for (const [flag, { variable }] of Object.entries(FLAGS)) {
    given[variable] = flags[flag as keyof ServerFlags] ?? given[variable];
  }
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  try {
    return readConfig({ ...process.env, ...Object.fromEntries(set) });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // A person at the terminal knows the flags, not the variables.
    throw new ConfigError(error.message.replaceAll(/HILUM_[A-Z0-9_]+/g, flagOf));
  }
}

function flagOf(variable: string): string {
  const found = Object.entries(FLAGS).find(([, flag]) => flag.variable === variable);
  return found === undefined ? variable : `--${found[0]}`;
}
