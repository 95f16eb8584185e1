/** Peers that misbehave as no real MLflow does on demand. Real servers on real sockets; they end after each test. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import {
  createMlflow,
  type MlflowClient,
  type MlflowOptions,
  type ModelVersion,
  type Run,
} from '../src/index.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    const closed = once(server, 'close');
    server.close();
    if ('closeAllConnections' in server)
      (server as { closeAllConnections: () => void }).closeAllConnections();
    await closed;
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** @returns address of a peer, and the requests that it saw */
export async function aPeer(handler: Handler): Promise<{ baseUrl: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createHttpServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    handler(request, response, seen.length);
  });
  return { baseUrl: await listening(server), seen };
}

/** A peer that takes connections and never says a word. */
export async function aSilentPeer(): Promise<string> {
  const sockets = new Set<{ destroy: () => void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  const baseUrl = await listening(server);
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
  });
  return baseUrl;
}

/** Where nobody listens: the port was ours a moment ago. */
export async function aClosedPort(): Promise<string> {
  const baseUrl = await listening(createServer());
  await cleanups.pop()?.();
  return baseUrl;
}

/** A peer with the files of one model version, whose bytes `send` writes; `count` starts from 1. */
export async function aStore(
  files: readonly unknown[],
  send: (response: ServerResponse, count: number) => void,
): Promise<string> {
  let count = 0;
  const { baseUrl } = await aPeer((request, response) => {
    const url = request.url ?? '';
    if (url.includes('get-download-uri')) json(response, 200, { artifact_uri: UPLOADED.artifactUri });
    else if (url.includes('?path=')) json(response, 200, { files });
    else send(response, (count += 1));
  });
  return baseUrl;
}

export async function aScratchDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hilum-faults-'));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** A client that does not wait between two tries. */
export function quick(baseUrl: string, options: Partial<MlflowOptions> = {}): MlflowClient {
  return createMlflow({ baseUrl, sleep: () => Promise.resolve(), ...options });
}

/** What `runs/get` answers, without what may be missing. */
export const A_RUN = {
  run: {
    info: {
      run_id: 'r1',
      experiment_id: '1',
      status: 'RUNNING',
      artifact_uri: 'mlflow-artifacts:/1/r1/artifacts',
    },
  },
};
export const UPLOADED: Run = {
  runId: 'r1',
  experimentId: '1',
  status: 'RUNNING',
  artifactUri: 'mlflow-artifacts:/1/r1/artifacts',
  metrics: {},
  params: {},
  tags: {},
  startTimeMs: 1,
};
export const VERSION: ModelVersion = {
  name: 'lung',
  version: '1',
  source: '',
  runId: 'r1',
  tags: {},
  aliases: [],
};

/** Answers one byte every so often. */
export async function drip(response: ServerResponse, bytes: number, everyMs: number): Promise<void> {
  response.writeHead(200, { 'content-length': String(bytes) });
  for (let sent = 0; sent < bytes; sent += 1) {
    response.write('x');
    await new Promise((resolve) => {
      setTimeout(resolve, everyMs);
    });
  }
  response.end();
}
