/** A whole server: the model on its way, the port open from the first moment, and an orderly end. */
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeDecoders } from '@hilum/imaging';
import { createMlflow } from '@hilum/mlflow';
import { steadyFetch } from '@hilum/store';
import { type Logger, pino } from 'pino';
import { Registry } from 'prom-client';
import { buildApp } from './app.ts';
import type { ServerConfig } from './config.ts';
import { openServerLedger } from './ledger/open.ts';
import { type ModelOptions, startModel } from './model.ts';
import type { Tracer } from './observe/span.ts';
import type { GaveUp, ModelState, ServedModel } from './readiness.ts';

export interface RunningServer {
  /** Where it listens, as this machine reaches it. */
  readonly url: string;
  /** Resolves when images are answered; rejects with GaveUp when they never will be. */
  readonly ready: Promise<ServedModel>;
  /** Resolves when the model can never answer (again). */
  readonly gaveUp: Promise<GaveUp>;
  /** Not ready, linger, finish what is in flight, close. Safe to repeat. */
  readonly close: () => Promise<void>;
}

export interface StartOptions {
  readonly logger?: Logger;
  readonly onState?: (state: ModelState) => void;
  readonly backoff?: ModelOptions['backoff'];
}

/** The address cannot be listened on: taken, not ours, or not allowed. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'LISTEN_FAILED';
  readonly exitCode = 69;

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Returns as soon as the port is open; throws ListenError, LedgerError, and ConfigError for files that the settings name. */
export async function start(config: ServerConfig, options: StartOptions = {}): Promise<RunningServer> {
  const logger = options.logger ?? createLogger(config.logLevel);
  const tracer = config.telemetry ? await loadTelemetry(logger) : undefined;
  const ledger = config.ledger === undefined ? undefined : await openServerLedger(config.ledger, logger);
  const { uri, digest, mlflow } = config.model;
  let lastCode: ModelState['code'] | undefined;
  const model = startModel({
    uri,
    cacheDir: config.model.cacheDir ?? defaultCache(),
    ...(digest === undefined ? {} : { digest }),
    ...(mlflow === undefined ? {} : { mlflow: createMlflow({ ...mlflow, fetch: steadyFetch }) }),
    ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    engine: {
      ...config.engine,
      onWarning: (message) => logger.warn({ engine: config.engine.kind }, message),
    },
    random: Math.random,
    onState: (state) => {
      options.onState?.(state);
      // One line a change: progress and repeated attempts are for /v2/health/ready.
      if (state.code !== lastCode) logState(logger, state);
      lastCode = state.code;
    },
  });
  const { app, idle } = await buildApp({
    model,
    limits: config.limits,
    access: config.access,
    tls: config.tls,
    web: config.web,
    logger,
    registry: new Registry(),
    ledger,
    tracer,
    page: config.page,
  }).catch(async (error: unknown) => {
    await model.close();
    await ledger?.close();
    await tracer?.close();
    throw error;
  });

  const shutDown = async (): Promise<void> => {
    model.retire();
    await sleep(config.lingerMs);
    const late = setTimeout(() => app.server.closeAllConnections(), config.drainMs);
    await app.close();
    clearTimeout(late);
    await Promise.race([idle(), sleep(1_000)]);
    await model.close();
    // A disk that hangs must not keep the process: what was answered is written.
    await Promise.race([ledger?.close(), sleep(5_000, undefined, { ref: false })]);
    await closeDecoders();
    await tracer?.close();
    logger.info('server closed');
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= shutDown());

  try {
    await app.listen({
      host: config.host,
      port: config.port,
      listenTextResolver: (address) => `server listens at ${address}`,
    });
  } catch (error) {
    await close();
    throw new ListenError(error);
  }
  const { port } = app.server.address() as AddressInfo;
  const host = ['0.0.0.0', '::'].includes(config.host) ? '127.0.0.1' : config.host;
  const url = `${config.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { url, ready: model.ready, gaveUp: model.gaveUp, close };
}

async function loadTelemetry(logger: Logger): Promise<Tracer> {
  const { startTelemetry } = await import('./observe/otel.ts');
  return startTelemetry({ logger, now: () => performance.now(), wallNow: Date.now, env: process.env });
}

/** JSON lines on standard output; level names instead of pino's numbers, which nothing else speaks. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}

function logState(logger: Logger, { code, message, model }: ModelState): void {
  const facts =
    model === undefined ? {} : { model: model.name, version: model.version, digest: model.info.digest };
  logger.info({ reason: code, ...facts }, `model: ${message}`);
}

function defaultCache(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hilum', 'models');
}
