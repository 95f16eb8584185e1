/** A server before its model is there, on a real socket: who is let in hears MODEL_NOT_READY, who is not hears why. */
import { Writable } from 'node:stream';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { onTestFinished } from 'vitest';
import { type AppOptions, buildApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { LIMITS } from './fixtures.ts';

export interface Door {
  readonly url: string;
  readonly port: number;
  readonly logged: () => string;
  /** `POST /v1/classify`, which needs the role predict; the status and the code of the answer. */
  readonly knock: (headers?: Record<string, string>, path?: string) => Promise<readonly [number, string]>;
}

/** Files are looked at this often, so that tests do not wait for seconds. */
const FOLLOW_MS = 20;

export async function aDoor(env: Record<string, string>, options: Partial<AppOptions> = {}): Promise<Door> {
  const { access, tls, web } = readConfig({ HILUM_MODEL_URI: 'x', ...env });
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const { app } = await buildApp({
    model: {
      state: { code: 'RESOLVING', message: 'resolving' },
      infer: () => Promise.reject(new Error('there is no model')),
    },
    limits: LIMITS,
    logger: pino({ level: 'trace' }, sink),
    registry: new Registry(),
    access: { ...access, ...(access.oidc === undefined ? {} : { oidc: { ...access.oidc, cooldownMs: 0 } }) },
    tls,
    web,
    followMs: FOLLOW_MS,
    ...options,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    app.server.closeAllConnections();
    await app.close();
  });
  const { port } = app.server.address() as AddressInfo;
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  return {
    url,
    port,
    logged: () => lines.join(''),
    knock: async (headers = {}, path = '/v1/classify') => {
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: 'x' });
      return [answer.status, ((await answer.json()) as { code: string }).code];
    },
  };
}

/** What a caller hears who was let in. */
export const LET_IN = [503, 'MODEL_NOT_READY'] as const;
export const UNKNOWN = [401, 'UNAUTHENTICATED'] as const;
