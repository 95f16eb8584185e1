/** The environment does not say what to serve, or says it wrongly; `message` has one line a mistake. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
}
