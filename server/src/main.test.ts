import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { DATA_ABSENT, lidcPng, scratch, writeRealPackage } from '../test/fixtures.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let packageDir: string;

beforeAll(async () => {
  dir = await scratch();
  packageDir = join(dir.path, 'package');
  await writeRealPackage(packageDir);
});

afterAll(async () => dir[Symbol.asyncDispose]());

interface Process {
  readonly child: ChildProcess;
  /** Resolves with the first log line whose text holds `part`. */
  readonly line: (part: string) => Promise<Record<string, unknown>>;
  readonly ended: Promise<number | null>;
  readonly lastWords: () => Promise<unknown>;
}

let count = 0;

async function spawnServer(env: Record<string, string>): Promise<Process> {
  const words = join(dir.path, `termination-${(count += 1)}`);
  await writeFile(words, '');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: {
      PATH: process.env['PATH'],
      HILUM_HOST: '127.0.0.1',
      HILUM_PORT: '0',
      HILUM_TERMINATION_LOG: words,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    child.emit('output');
  });
  return {
    child,
    ended: once(child, 'exit').then(([code]) => code as number | null),
    lastWords: async () => JSON.parse(await readFile(words, 'utf8')) as unknown,
    line: async (part) => {
      for (;;) {
        const found = text.split('\n').find((line) => line.includes(part) && line.endsWith('}'));
        if (found !== undefined) return JSON.parse(found) as Record<string, unknown>;
        await once(child, 'output');
      }
    },
  };
}

describe('the process', () => {
  it.skipIf(DATA_ABSENT)(
    `serves a folder, finishes what is in flight, and exits with 0 when told to end ${DATA_ABSENT || ''}`,
    async () => {
      const server = await spawnServer({ HILUM_MODEL_URI: packageDir });
      const { msg } = await server.line('server listens at');
      const url = String(msg).split(' ').at(-1);
      await server.line('"reason":"READY"');
      const body = new Uint8Array(await lidcPng());
      const answers = [1, 2, 3].map(async () => fetch(`${url}/v1/classify`, { method: 'POST', body }));
      await server.line('request answered');
      server.child.kill('SIGTERM');
      for (const answer of await Promise.all(answers)) {
        expect(answer.status).toBe(200);
        expect(await answer.json()).toMatchObject({ model: { name: 'package', version: null } });
      }
      expect(await server.ended).toBe(0);
    },
  );

  it('exits with 0 when told to end while it waits for MLflow', async () => {
    const server = await spawnServer({
      HILUM_MODEL_URI: 'models:/lung@champion',
      HILUM_MLFLOW_URI: 'http://127.0.0.1:9',
      HILUM_MODEL_CACHE: join(dir.path, 'cache'),
    });
    await server.line('TRACKING_UNREACHABLE');
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });

  it('exits with 0 when told to end while the engine loads', async () => {
    const server = await spawnServer({ HILUM_MODEL_URI: packageDir });
    await server.line('WARMING_UP');
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });

  it('leaves its last words and exits with 65 when the package is not the pinned one', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const server = await spawnServer({ HILUM_MODEL_URI: packageDir, HILUM_MODEL_DIGEST: digest });
    expect(await server.ended).toBe(65);
    expect(await server.lastWords()).toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  it('exits with 65 when the package asks for a contract that is unknown here', async () => {
    const server = await spawnServer({ HILUM_MODEL_URI: await packageWithUnknownContract() });
    expect(await server.ended).toBe(65);
    expect(await server.lastWords()).toMatchObject({ code: 'CONTRACT_UNSUPPORTED' });
  });

  it('exits with 65 when there is no package', async () => {
    const server = await spawnServer({ HILUM_MODEL_URI: join(dir.path, 'nothing') });
    expect(await server.ended).toBe(65);
    expect(await server.lastWords()).toMatchObject({ code: 'PACKAGE_INCOMPLETE' });
  });

  it('exits with 69 when its port is taken', async () => {
    const first = await spawnServer({ HILUM_MODEL_URI: packageDir });
    const { msg } = await first.line('server listens at');
    const port = String(msg).split(':').at(-1) ?? '';
    const second = await spawnServer({ HILUM_MODEL_URI: packageDir, HILUM_PORT: port });
    expect(await second.ended).toBe(69);
    expect(await second.lastWords()).toMatchObject({ code: 'LISTEN_FAILED' });
  });

  it('exits with 64 and says which setting is wrong', async () => {
    const server = await spawnServer({ HILUM_PORT: 'http' });
    expect(await server.ended).toBe(64);
    expect(await server.lastWords()).toEqual({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/HILUM_MODEL_URI: .*\nHILUM_PORT: /) as string,
    });
  });
});

/** A package of a later version: its manifest is right, its contract is one that we cannot know. */
async function packageWithUnknownContract(): Promise<string> {
  const place = join(dir.path, 'from-the-future');
  await rm(place, { recursive: true, force: true });
  await cp(packageDir, place, { recursive: true });
  const contract = JSON.parse(await readFile(join(place, 'contract.json'), 'utf8')) as object;
  const bytes = Buffer.from(JSON.stringify({ ...contract, version: 99 }));
  await writeFile(join(place, 'contract.json'), bytes);
  const manifest = JSON.parse(await readFile(join(place, 'manifest.json'), 'utf8')) as {
    files: { path: string; sha256: string; bytes: number }[];
  };
  const files = manifest.files.map((file) =>
    file.path === 'contract.json'
      ? { ...file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
      : file,
  );
  await writeFile(join(place, 'manifest.json'), JSON.stringify({ ...manifest, files }));
  return place;
}
