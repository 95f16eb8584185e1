/** `hilum fetch` and `hilum push` beside the real dvc, as a shell sees them. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dvcVenv, run } from '@hilum/hack';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCli } from '../cli.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hilum-fetch-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

async function hilum(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const code = await runCli(args, {
    stdout: { write: (text) => (written.out += text) },
    stderr: { isTTY: false, write: (text) => (written.err += text) },
    signal: new AbortController().signal,
  });
  return { code, ...written };
}

describe('beside the real dvc', () => {
  const repo = join(scratch, 'repo');
  const store = join(scratch, 'store');
  let dvc: (...args: readonly string[]) => Promise<unknown>;

  beforeAll(async () => {
    const { python } = await dvcVenv();
    await mkdir(join(repo, 'images/benign/p1'), { recursive: true });
    await writeFile(join(repo, 'images/benign/p1/1.png'), 'one');
    await writeFile(join(repo, 'images/2.png'), 'two');
    const env = { DVC_NO_ANALYTICS: '1', DVC_SITE_CACHE_DIR: join(scratch, 'site') };
    dvc = (...args) => run(python, ['-m', 'dvc', '-q', ...args], { cwd: repo, env });
    await dvc('init', '--no-scm');
    await dvc('remote', 'add', '-d', 'store', store);
    await dvc('add', 'images');
    await dvc('push');
  });

  it('fetches what a .dvc file pins, from wherever it is called', async () => {
    const into = join(scratch, 'fetched');
    const { code, out } = await hilum(
      'fetch',
      '--target',
      join(repo, 'images.dvc'),
      '--into',
      into,
      '--json',
    );
    expect(code).toBe(0);
    const pin = /md5: ([0-9a-f]{32}\.dir)/.exec(await readFile(join(repo, 'images.dvc'), 'utf8'))?.[1];
    expect(JSON.parse(out)).toEqual({ into, md5: pin, files: 2, bytes: 6 });
    expect(await readFile(join(into, 'benign/p1/1.png'), 'utf8')).toBe('one');
  });

  it('fetches what was pinned at a commit, and names it', async () => {
    const git = async (...args: readonly string[]): Promise<string> => {
      const who = ['-c', 'user.name=nobody', '-c', 'user.email=nobody@example.org'];
      return (await run('git', [...who, ...args], { cwd: repo })).stdout.trim();
    };
    await git('init', '--quiet');
    await git('add', 'images.dvc', '.dvc/config');
    await git('commit', '--quiet', '--message', 'first');
    const commit = await git('rev-parse', 'HEAD');
    await writeFile(join(repo, 'images.dvc'), 'outs: []\n');
    const into = join(scratch, 'at-first');
    const args = ['fetch', '--target', join(repo, 'images.dvc'), '--rev', 'HEAD', '--into', into, '--json'];
    const { code, out } = await hilum(...args);
    await git('checkout', '--quiet', '--', 'images.dvc');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ commit, files: 2 });
  });

  it('ends with 65 where the pointer has another pin than the one that is asked for', async () => {
    const args = ['fetch', '--target', join(repo, 'images.dvc'), '--into', join(scratch, 'other')];
    expect(await hilum(...args, '--md5', `${'0'.repeat(32)}.dir`)).toMatchObject({
      code: 65,
      err: expect.stringContaining('DATASET_MD5_MISMATCH') as string,
    });
  });

  it('pushes a folder that dvc pulls, by the pointer that it wrote', async () => {
    const model = join(repo, 'model');
    await mkdir(model);
    await writeFile(join(model, 'MLmodel'), 'flavors: {}\n');
    const pointer = join(repo, 'model.dvc');
    const { code, out } = await hilum('push', '--dir', model, '--pointer', pointer);
    expect(code).toBe(0);
    expect(out).toMatch(/^1 files, 12 bytes are in the remote; pin [0-9a-f]{32}\.dir\n$/);
    await rm(model, { recursive: true });
    await dvc('pull', 'model.dvc');
    expect(await readFile(join(model, 'MLmodel'), 'utf8')).toBe('flavors: {}\n');
    const elsewhere = await hilum('push', '--dir', model, '--pointer', join(scratch, 'model.dvc'));
    expect(elsewhere).toMatchObject({
      code: 64,
      err: expect.stringContaining('in the folder that holds') as string,
    });
  });
});

describe('without a repository', () => {
  it('pushes and fetches by address and pin', async () => {
    const dir = join(scratch, 'plain');
    await mkdir(dir);
    await writeFile(join(dir, '1.png'), 'one');
    const remote = pathToFileURL(join(scratch, 'plain-store')).href;
    const pushed = await hilum('push', '--dir', dir, '--remote', remote, '--json');
    const { md5 } = JSON.parse(pushed.out) as { md5: string };
    const into = join(scratch, 'plain-back');
    expect((await hilum('fetch', '--remote', remote, '--md5', md5, '--into', into)).code).toBe(0);
    expect(await readFile(join(into, '1.png'), 'utf8')).toBe('one');
  });

  it('shows a server the credentials of the environment', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const remote = `http://127.0.0.1:${(server.address() as AddressInfo).port}/store`;
    const args = [
      'fetch',
      '--remote',
      remote,
      '--md5',
      `${'0'.repeat(32)}.dir`,
      '--into',
      join(scratch, 'none'),
    ];
    vi.stubEnv('HILUM_DVC_USERNAME', 'ann');
    vi.stubEnv('HILUM_DVC_PASSWORD', 'word');
    expect(await hilum(...args)).toMatchObject({
      code: 65,
      err: expect.stringContaining('DATASET_MISSING') as string,
    });
    vi.stubEnv('HILUM_DVC_TOKEN', 'ticket');
    await hilum(...args);
    server.close();
    expect(asked).toEqual([`Basic ${btoa('ann:word')}`, 'Bearer ticket']);
  });

  it('takes a folder as it lies, but not into itself', async () => {
    const dir = join(scratch, 'lies');
    await mkdir(dir);
    await writeFile(join(dir, '1.png'), 'one');
    const into = join(scratch, 'taken');
    expect((await hilum('fetch', '--target', dir, '--into', into)).out).toMatch(
      /^1 files, 3 bytes in .*taken/,
    );
    expect(await readFile(join(into, '1.png'), 'utf8')).toBe('one');
    expect(await hilum('fetch', '--target', dir, '--into', join(dir, 'x'))).toMatchObject({ code: 64 });
  });

  it('ends with 64 where nothing says what to fetch', async () => {
    const into = ['--into', join(scratch, 'x')];
    expect((await hilum('fetch', ...into)).err).toContain('--remote is missing');
    const lost = await hilum('fetch', '--target', join(scratch, 'no/images.dvc'), ...into);
    expect(lost).toMatchObject({ code: 64, err: expect.stringContaining('in no DVC repository') as string });
  });
});
