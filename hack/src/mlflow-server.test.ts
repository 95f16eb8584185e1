import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from './run.ts';
import { startMlflow } from './mlflow-server.ts';
import { dvcVenv, mlflowVenv } from './tools/python.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('Python tools', () => {
  it('run as a module and by their own command, although their folder was moved after they were installed', async () => {
    const { dir, python } = await dvcVenv();
    expect((await run(python, ['-m', 'dvc', '--version'])).stdout.trim()).toBe('3.67.1');
    expect((await run(join(dir, 'bin', 'dvc'), ['--version'])).stdout.trim()).toBe('3.67.1');
  });

  it('say what to install when there is no Python', async () => {
    vi.stubEnv('HILUM_PYTHON', 'python-that-is-not-there');
    await expect(mlflowVenv()).rejects.toThrow('install Python 3.10 or newer, or name one in HILUM_PYTHON');
  });
});

describe('startMlflow', () => {
  let scratch: string;
  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'hilum-mlflow-test-'));
  });
  afterEach(async () => {
    await rm(scratch, { recursive: true, force: true });
  });

  it('leaves neither server nor folder behind when its process is killed', { timeout: 180_000 }, async () => {
    const script = `
      import { startMlflow } from ${JSON.stringify(join(import.meta.dirname, 'mlflow-server.ts'))};
      const { url } = await startMlflow();
      process.stdout.write(url);
      setInterval(() => {}, 1000);
    `;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: scratch },
    });
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
    const url = chunk.toString();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await vi.waitFor(() => expect(fetch(`${url}/health`)).rejects.toThrow('fetch failed'), {
      timeout: 30_000,
    });
    expect(await readdir(scratch)).toEqual([]);
  });

  it('does not take another server on the wanted port for its own', async () => {
    const other = createHttpServer((_, response) => response.end('OK')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const { port } = other.address() as AddressInfo;
      await expect(startMlflow({ port, dir: scratch })).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
    } finally {
      other.close();
    }
  });

  it('shows the end of the log of a server that does not start', { timeout: 180_000 }, async () => {
    await writeFile(join(scratch, 'mlflow.db'), 'x'.repeat(5000));
    await expect(startMlflow({ dir: scratch })).rejects.toThrow('file is not a database');
  });
});
