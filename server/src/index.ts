export { ConfigError, readConfig, type Limits, type ServerConfig } from './config.ts';
export { newApiKey } from './access/key.ts';
export { ROLES } from './access/role.ts';
export { buildApp, type App, type AppOptions } from './app.ts';
export { ERROR_CODES, type ErrorCode } from './errors.ts';
export { GaveUp, READINESS_CODES, type ModelState, type ServedModel } from './readiness.ts';
export { REPLAYS, replayLedger, type Replay, type ReplayResult } from './ledger/replay.ts';
export { FINDINGS, verifyLedger, type Verdict } from './ledger/verify.ts';
export { createLogger, start, type RunningServer, type StartOptions } from './start.ts';
