/** Against the real dvc, a real MLflow as remote, and servers that misbehave. */
import { createHash } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { dvcVenv, run, startMlflow, type MlflowServer } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { formatDirectory } from './directory.ts';
import { pullDataset } from './pull.ts';
import { datasetMd5, pushDataset } from './push.ts';

const scratch = scratchDir('dvc');

// Equal files, an empty one, names that Python and JavaScript sort and escape differently.
const FILES = {
  'benign/p1/1.png': 'one',
  'benign/p1/copy of 1.png': 'one',
  'benign/Zoë "quoted"/é.png': 'two',
  'malignant/p2/\u{1F600}.png': 'three',
  'malignant/p2/\uFF5E.png': 'four',
  'malignant/p2/empty': '',
  'notes\ttab.txt': 'x'.repeat(200_000),
};

async function tree(dir: string): Promise<Record<string, string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = async (path: string) =>
    [path.slice(join(dir, '/').length), await readFile(path, 'utf8')] as const;
  return Object.fromEntries(await Promise.all(files.map(read)));
}

/** Serves until the test is over. @returns the remote's address */
async function server(listener: RequestListener): Promise<string> {
  const http = createServer(listener).listen(0, '127.0.0.1');
  await once(http, 'listening');
  afterAll(() => http.close().closeAllConnections());
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/store`;
}

describe('with the real dvc', () => {
  let dvc: (...args: readonly string[]) => Promise<string>;
  const repo = join(scratch, 'repo');
  const store = join(scratch, 'store');
  const remote = pathToFileURL(store).href;

  beforeAll(async () => {
    const { python } = await dvcVenv();
    await writeTree(join(repo, 'data'), FILES);
    const env = { DVC_NO_ANALYTICS: '1', DVC_SITE_CACHE_DIR: join(scratch, 'site') };
    dvc = async (...args) => (await run(python, ['-m', 'dvc', '-q', ...args], { cwd: repo, env })).stdout;
    await dvc('init', '--no-scm');
    await dvc('remote', 'add', '-d', 'store', store);
  });

  it('pulls what dvc added and pushed, with the same pin', async () => {
    await dvc('add', 'data');
    await dvc('push');
    const pin = /md5: (\S+\.dir)/.exec(await readFile(join(repo, 'data.dvc'), 'utf8'))?.[1] ?? '';
    expect(await datasetMd5(join(repo, 'data'))).toBe(pin);
    const into = join(scratch, 'pulled');
    const seen: number[] = [];
    const result = await pullDataset({ remote, md5: pin, into, onProgress: ({ files }) => seen.push(files) });
    expect(await tree(into)).toEqual(FILES);
    expect(result).toEqual({ files: 7, bytes: 200_018 });
    expect(seen.at(-1)).toBe(7);
  });

  it('pushes what dvc pulls', async () => {
    const dir = join(scratch, 'ours');
    await writeTree(dir, { ...FILES, 'malignant/p3/new.png': 'new' });
    const { md5, files, bytes } = await pushDataset({ dir, remote });
    expect({ files, bytes }).toEqual({ files: 8, bytes: 200_021 });
    const pointer = `outs:\n- md5: ${md5}\n  size: ${bytes}\n  nfiles: ${files}\n  hash: md5\n  path: theirs\n`;
    await writeFile(join(repo, 'theirs.dvc'), pointer);
    await dvc('pull', 'theirs.dvc');
    expect(await tree(join(repo, 'theirs'))).toEqual({ ...FILES, 'malignant/p3/new.png': 'new' });
    expect(await dvc('status', 'theirs.dvc')).toBe('Data and pipelines are up to date.\n');
  });
});

describe('with the artifact proxy of a real MLflow', () => {
  let mlflow: MlflowServer;
  beforeAll(async () => {
    mlflow = await startMlflow();
  });
  afterAll(() => mlflow.stop());

  it('pushes by PUT, sends nothing twice, and pulls by GET', async () => {
    const dir = join(scratch, 'proxied');
    await writeTree(dir, FILES);
    const remote = `${mlflow.url}/api/2.0/mlflow-artifacts/artifacts/dvc`;
    const sent: string[] = [];
    const counting: typeof fetch = (url, init) => {
      sent.push(init?.method ?? 'GET');
      return fetch(url, init);
    };
    const { md5 } = await pushDataset({ dir, remote, fetch: counting });
    expect(sent.filter((method) => method === 'PUT')).toHaveLength(7); // six different files and the directory
    const into = join(scratch, 'from-proxy');
    await pullDataset({ remote, md5, into });
    expect(await tree(into)).toEqual(FILES);
    await expect(pullDataset({ remote, md5: `${'0'.repeat(32)}.dir`, into })).rejects.toMatchObject({
      code: 'DATASET_MISSING',
    });
  });
});

describe('with a web server', () => {
  const objects = new Map<string, Buffer>();
  const put = (text: string): string => {
    const md5 = createHash('md5').update(text).digest('hex');
    objects.set(`/store/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`, Buffer.from(text));
    return md5;
  };
  const pin = (files: Readonly<Record<string, string>>): string => {
    const entries = Object.entries(files).map(([relpath, text]) => ({ relpath, md5: put(text) }));
    const directory = formatDirectory(entries);
    const md5 = `${createHash('md5').update(directory).digest('hex')}.dir`;
    objects.set(`/store/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`, directory);
    return md5;
  };
  const serveObject: RequestListener = (request, response) => {
    const bytes = objects.get(request.url ?? '');
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  };

  let target = 0;
  const folder = (): string => join(scratch, `into-${(target += 1)}`);

  it('tries again what may pass by itself, and resumes a body that broke off', async () => {
    const md5 = pin({ 'a/p/1.png': 'first', 'a/p/2.png': 'second' });
    const troubles = [
      (response: Parameters<RequestListener>[1]) => void response.writeHead(503).end(),
      (response: Parameters<RequestListener>[1]) => {
        response.writeHead(200, { 'content-length': '5' });
        response.write('fi', () => response.destroy());
      },
    ];
    const remote = await server((request, response) => {
      const trouble = request.url?.endsWith('.dir') === true ? undefined : troubles.shift();
      if (trouble === undefined) serveObject(request, response);
      else trouble(response);
    });
    const into = folder();
    await pullDataset({ remote, md5, into });
    expect(await tree(into)).toEqual({ 'a/p/1.png': 'first', 'a/p/2.png': 'second' });
    expect(troubles).toEqual([]);
  });

  it('names the file whose bytes are not the pinned ones, and leaves no trace of them', async () => {
    const md5 = pin({ 'a/p/good.png': 'good', 'a/p/bad.png': 'bad' });
    const wrong = put('bad');
    objects.set(`/store/files/md5/${wrong.slice(0, 2)}/${wrong.slice(2)}`, Buffer.from('worse'));
    const into = folder();
    await expect(pullDataset({ remote: await server(serveObject), md5, into })).rejects.toMatchObject({
      code: 'DATASET_MD5_MISMATCH',
      exitCode: 65,
      message: expect.stringContaining('a/p/bad.png') as string,
    });
    expect(Object.keys(await tree(into))).not.toContain('a/p/bad.png');
    put('bad');
    expect((await readdir(into, { recursive: true })).filter((name) => name.endsWith('.hilum-part'))).toEqual(
      [],
    );
  });

  it('keeps what is there and right, replaces what is there and wrong', async () => {
    const md5 = pin({ 'a/p/kept.png': 'kept', 'a/p/rotten.png': 'fresh' });
    const into = folder();
    await writeTree(into, {
      'a/p/kept.png': 'kept',
      'a/p/rotten.png': 'rotten',
      'a/p/x.png.hilum-part': 'half',
    });
    const before = await stat(join(into, 'a/p/kept.png'));
    const asked: string[] = [];
    const remote = await server((request, response) => {
      asked.push(request.url ?? '');
      serveObject(request, response);
    });
    await pullDataset({ remote, md5, into });
    expect(await tree(into)).toEqual({ 'a/p/kept.png': 'kept', 'a/p/rotten.png': 'fresh' });
    expect(asked).toHaveLength(2); // the directory and the rotten one
    expect((await stat(join(into, 'a/p/kept.png'))).mtimeMs).toBe(before.mtimeMs);
  });

  it('refuses to mix the dataset with files that the pin does not know', async () => {
    const into = folder();
    await writeTree(into, { 'a/p/mine.png': 'mine' });
    const pulling = pullDataset({ remote: await server(serveObject), md5: pin({ 'a/p/1.png': 'x' }), into });
    await expect(pulling).rejects.toMatchObject({ code: 'DATASET_DIRTY' });
    expect(await tree(into)).toEqual({ 'a/p/mine.png': 'mine' });
  });

  it('sends basic and token credentials, and says so when they are refused', async () => {
    const md5 = pin({ 'a/p/1.png': 'secret' });
    const seen: (string | undefined)[] = [];
    const remote = await server((request, response) => {
      seen.push(request.headers.authorization);
      if (request.headers.authorization === undefined) response.writeHead(401).end();
      else serveObject(request, response);
    });
    const refused = pullDataset({ remote, md5, into: folder() });
    await expect(refused).rejects.toMatchObject({ code: 'DATASET_FORBIDDEN', exitCode: 69 });
    await pullDataset({ remote, md5, into: folder(), auth: { username: 'u', password: 'p' } });
    await pullDataset({ remote, md5, into: folder(), auth: { token: 't' } });
    expect(new Set(seen)).toEqual(new Set([undefined, 'Basic dTpw', 'Bearer t']));
  });

  it('pushes to a server that knows no HEAD', async () => {
    const stored = new Map<string, string>();
    const remote = await server((request, response) => {
      if (request.method !== 'PUT') {
        response.writeHead(405).end();
        return;
      }
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        stored.set(request.url ?? '', body);
        response.writeHead(201).end();
      });
    });
    const dir = folder();
    await writeTree(dir, { 'a/p/1.png': 'x' });
    const { md5 } = await pushDataset({ dir, remote });
    expect([...stored.values()]).toEqual([
      'x',
      '[{"md5": "9dd4e461268c8034f5c8564e155c67a6", "relpath": "a/p/1.png"}]',
    ]);
    expect([...stored.keys()].at(-1)).toBe(`/store/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`);
  });

  it('gives up on a server that is not there, and can be stopped before that', async () => {
    const remote = 'http://127.0.0.1:1/store';
    const md5 = `${'a'.repeat(32)}.dir`;
    const stop = new AbortController();
    const pulling = pullDataset({ remote, md5, into: folder(), signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(pulling).rejects.toThrow(/enough|abort/);
    await expect(pullDataset({ remote, md5, into: folder() })).rejects.toMatchObject({
      code: 'DATASET_UNREACHABLE',
      retryable: true,
    });
  });

  it('refuses other addresses, and credentials in the address', async () => {
    for (const remote of [
      'gs://bucket/x',
      's3://x',
      's3://bucket/a/../b',
      '/some/folder',
      'http://user:secret@127.0.0.1/x',
      'http://127.0.0.1/x?signature=secret',
    ]) {
      const refusal = pullDataset({ remote, md5: `${'a'.repeat(32)}.dir`, into: folder() });
      const error: unknown = await refusal.catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'REMOTE_UNSUPPORTED', exitCode: 64 });
      expect(inspect(error)).not.toContain('secret');
    }
  });
});
