/** The server's settings from flags; what no flag says comes from the environment. */
import { ConfigError, type ServerConfig, readConfig } from '@hilum/server';

export interface ServerFlags {
  readonly model?: string;
  readonly mlflow?: string;
  readonly digest?: string;
  readonly host?: string;
  readonly port?: string;
  readonly log?: string;
}

/** Throws ConfigError that names the flags. */
export function serverConfig(flags: ServerFlags): ServerConfig {
  const given = {
    HILUM_MODEL_URI: flags.model,
    HILUM_MLFLOW_URI: flags.mlflow,
    HILUM_MODEL_DIGEST: flags.digest,
    HILUM_PORT: flags.port,
    // A pod listens on every address; a person's machine should not without being asked.
    HILUM_HOST: flags.host ?? process.env['HILUM_HOST'] ?? '127.0.0.1',
    HILUM_LOG_LEVEL: flags.log ?? 'silent',
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  try {
    return readConfig({ ...process.env, ...Object.fromEntries(set) });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // A person at the terminal knows the flags, not the variables.
    throw new ConfigError(error.message.replaceAll(/^HILUM_[A-Z_]+/gm, flagOf));
  }
}

const FLAGS: Readonly<Record<string, string>> = {
  HILUM_MODEL_URI: '--model',
  HILUM_MLFLOW_URI: '--mlflow',
  HILUM_MODEL_DIGEST: '--digest',
  HILUM_PORT: '--port',
  HILUM_HOST: '--host',
  HILUM_LOG_LEVEL: '--log',
};

function flagOf(variable: string): string {
  return FLAGS[variable] ?? variable;
}
