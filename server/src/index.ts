export { ConfigError, readConfig, type Limits, type ServerConfig } from './config.ts';
export { buildApp, type App, type AppOptions } from './app.ts';
export { ERROR_CODES, type ErrorCode } from './errors.ts';
export { GaveUp, READINESS_CODES, type ModelState, type ServedModel } from './readiness.ts';
export { createLogger, start, type RunningServer, type StartOptions } from './start.ts';
