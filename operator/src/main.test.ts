/** The process itself, against an API server that is not there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hilum-operator-'));
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:9' } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(join(dir, 'kubeconfig'), JSON.stringify(kubeconfig));
});
afterAll(async () => {
  await rm(dir, { recursive: true });
});

function start(environment: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { PATH: process.env['PATH'], KUBECONFIG: join(dir, 'kubeconfig'), ...environment },
  });
  return { child, ended: once(child, 'exit') };
}

describe('the operator process', () => {
  it('ends with 78 and the names of what is missing', async () => {
    const { child, ended } = start({ HILUM_MLFLOW_URI: 'http://mlflow:5000' });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    expect(await ended).toEqual([78, null]);
    expect(said).toContain('HILUM_TRAINER_IMAGE');
    expect(said).toContain('HILUM_SERVER_IMAGE');
  });

  it('is alive but not ready without an API server, and ends in order on SIGTERM', async () => {
    const { child, ended } = start({
      HILUM_TRAINER_IMAGE: 'trainer:1',
      HILUM_SERVER_IMAGE: 'server:1',
      HILUM_MLFLOW_URI: 'http://mlflow:5000',
      HILUM_HEALTH_PORT: '0',
    });
    const started = z.object({ msg: z.literal('started'), port: z.number() });
    let port = 0;
    for await (const line of createInterface(child.stdout)) {
      port = started.safeParse(JSON.parse(line)).data?.port ?? 0;
      if (port > 0) break;
    }
    child.stdout.resume();
    const status = async (path: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    expect(await status('/healthz')).toBe(200);
    expect(await status('/readyz')).toBe(503);
    expect(await status('/metrics')).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
