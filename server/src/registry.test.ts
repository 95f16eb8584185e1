import { cp, open, readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { type MlflowServer, startMlflow } from '@hilum/hack';
import { type MlflowClient, createMlflow } from '@hilum/mlflow';
import type { PackageInfo } from '@hilum/model';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startCuttingFront } from '../test/cutting-front.ts';
import { scratch, writeRealPackage } from '../test/fixtures.ts';
import { readConfig } from './config.ts';
import { GaveUp, type ModelState } from './readiness.ts';
import type { z } from 'zod';
import { type notReadySchema, readySchema } from '@hilum/wire';
import { type RunningServer, type StartOptions, createLogger, start } from './start.ts';

// These tests stop and start the one MLflow they share: they run in this order.
let dir: Awaited<ReturnType<typeof scratch>>;
let info: PackageInfo;
let port: number;
let mlflow: MlflowServer | undefined;
let client: MlflowClient;

beforeAll(async () => {
  dir = await scratch();
  info = await writeRealPackage(join(dir.path, 'package'));
  port = await freePort();
  client = createMlflow({ baseUrl: `http://127.0.0.1:${port}` });
});

afterAll(async () => {
  await mlflow?.stop();
  await dir[Symbol.asyncDispose]();
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  const closed = once(probe, 'close');
  probe.close();
  await closed;
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function mlflowUp(): Promise<void> {
  mlflow ??= await startMlflow({ dir: join(dir.path, 'mlflow'), port });
}

async function mlflowDown(): Promise<void> {
  await mlflow?.stop();
  mlflow = undefined;
}

/** Registers what `from` holds as a new version of `name`. */
async function register(name: string, from: string, tags: Record<string, string>): Promise<string> {
  const experimentId = await client.ensureExperiment('server-tests');
  const run = await client.createRun({ experimentId, name: 'run', tags: {}, startTimeMs: 1 });
  await client.uploadDirectory(run, 'model', from);
  await client.ensureRegisteredModel(name);
  const source = `${run.artifactUri}/model`;
  return (await client.createModelVersion({ name, source, runId: run.runId, tags })).version;
}

interface ServeOptions {
  readonly cache: string;
  readonly digest?: string;
  readonly mlflow?: string;
  readonly onState?: StartOptions['onState'];
}

async function serve(uri: string, options: ServeOptions): Promise<RunningServer> {
  const config = readConfig({
    HILUM_MODEL_URI: uri,
    HILUM_MLFLOW_URI: options.mlflow ?? `http://127.0.0.1:${port}`,
    HILUM_MODEL_CACHE: join(dir.path, options.cache),
    HILUM_MODEL_DIGEST: options.digest,
    HILUM_HOST: '127.0.0.1',
    HILUM_PORT: '0',
  });
  const server = await start(config, {
    logger: createLogger('silent'),
    backoff: { firstMs: 50, maxMs: 200 },
    ...(options.onState === undefined ? {} : { onState: options.onState }),
  });
  onTestFinished(server.close);
  return server;
}

async function notReady(server: RunningServer): Promise<z.infer<typeof notReadySchema>> {
  const response = await fetch(`${server.url}/v2/health/ready`);
  expect(response.status).toBe(503);
  return (await response.json()) as z.infer<typeof notReadySchema>;
}

async function untilReason(server: RunningServer, reason: string): Promise<void> {
  while ((await notReady(server)).reason !== reason) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function gaveUp(server: RunningServer): Promise<GaveUp> {
  const error = await server.ready.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GaveUp)) throw new Error('the server did not give up', { cause: error });
  expect(await server.gaveUp).toBe(error);
  return error;
}

describe('a model of the registry', () => {
  it('is waited for while MLflow is down, and served when it is up', { timeout: 150_000 }, async () => {
    const shares: number[] = [];
    const onState = ({ progress }: ModelState): void => {
      if (progress !== undefined) shares.push(progress.bytes / progress.totalBytes);
    };
    const server = await serve('models:/lung@champion', { cache: 'cache', onState });
    await untilReason(server, 'TRACKING_UNREACHABLE');
    expect((await fetch(`${server.url}/v2/health/live`)).status).toBe(200);
    const early = await fetch(`${server.url}/v1/classify`, { method: 'POST', body: 'x' });
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '5']);
    await mlflowUp();
    await untilReason(server, 'MODEL_NOT_FOUND');
    const version = await register('lung', info.dir, { 'hilum.digest': info.digest });
    await client.setAlias('lung', 'champion', version);
    await server.ready;
    const ready = readySchema.parse(await (await fetch(`${server.url}/v2/health/ready`)).json());
    expect(ready.model).toEqual({ name: 'lung', version, digest: info.digest });
    expect(shares.length).toBeGreaterThan(2);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  });

  it('is refused when it is not the package that was asked for', async () => {
    const server = await serve('models:/lung/1', { cache: 'cache', digest: `sha256:${'0'.repeat(64)}` });
    const error = await gaveUp(server);
    expect([error.code, error.exitCode]).toEqual(['DIGEST_MISMATCH', 65]);
    expect(error.message).toContain(info.digest);
    expect((await notReady(server)).reason).toBe('DIGEST_MISMATCH');
  });

  it('is refused when it was altered in the store, and nothing of it stays', async () => {
    const altered = join(dir.path, 'altered');
    await cp(info.dir, altered, { recursive: true });
    await flipByte(join(altered, 'tfjs/weights.bin'));
    const version = await register('altered', altered, {});
    const server = await serve(`models:/altered/${version}`, { cache: 'altered-cache' });
    expect((await gaveUp(server)).code).toBe('DIGEST_MISMATCH');
    expect(await readdir(join(dir.path, 'altered-cache'))).toEqual([]);
  });

  it('is fetched again when the cache was altered', async () => {
    const weights = join(dir.path, 'cache', info.digest.slice('sha256:'.length), 'tfjs/weights.bin');
    const before = await readFile(weights);
    await flipByte(weights);
    const server = await serve('models:/lung/1', { cache: 'cache', digest: info.digest });
    await server.ready;
    expect((await readFile(weights)).equals(before)).toBe(true);
  });

  it('arrives over connections that break, each file from where it stood', async () => {
    const front = await startCuttingFront(`http://127.0.0.1:${port}`);
    onTestFinished(() => front.stop());
    front.cutAfter = 20_000_000;
    const server = await serve('models:/lung/1', { cache: 'broken-cache', mlflow: front.url });
    expect((await server.ready).info.digest).toBe(info.digest);
    expect(front.seen.filter(({ range }) => range !== undefined).length).toBeGreaterThanOrEqual(4);
    expect(front.bytes).toBeLessThan(1.2 * info.files.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it('is served from the files of a run as well', async () => {
    const { runId } = await client.getModelVersion('lung', '1');
    const server = await serve(`runs:/${runId}/model`, { cache: 'run-cache' });
    expect(await server.ready).toMatchObject({ name: 'model', version: runId });
    const elsewhere = await serve(`runs:/${runId}/elsewhere`, { cache: 'run-cache' });
    await untilReason(elsewhere, 'MODEL_NOT_FOUND');
    const nobody = await serve(`runs:/${'0'.repeat(32)}/model`, { cache: 'run-cache' });
    await untilReason(nobody, 'MODEL_NOT_FOUND');
  });

  it('that a digest pins is served from the cache while MLflow is down', async () => {
    await mlflowDown();
    const server = await serve('models:/lung@champion', { cache: 'cache', digest: info.digest });
    expect(await server.ready).toMatchObject({ name: 'lung', version: '1' });
  });

  it('that nothing pins is not served from the cache while MLflow is down', async () => {
    const server = await serve('models:/lung@champion', { cache: 'cache' });
    await untilReason(server, 'TRACKING_UNREACHABLE');
    await server.close();
    await expect(server.ready).rejects.toThrow('the server closes');
  });
});

async function flipByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 1_000_000);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await file.write(byte, 0, 1, 1_000_000);
  await file.close();
}
