/** Transfers that break, stall, lead astray or meet a full disk: against servers that misbehave on purpose. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { formatDirectory } from './directory.ts';
import { pullDataset } from './pull.ts';
import { pushDataset } from './push.ts';

const scratch = scratchDir('dvc-resume');
const BIG = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));

let count = 0;
const folder = (): string => join(scratch, `into-${(count += 1)}`);
const md5Of = (bytes: Uint8Array | string): string => createHash('md5').update(bytes).digest('hex');
const pathOf = (md5: string): string => `/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`;

/** One dataset with one file, and a server that hands requests for that file to `serve`. */
async function remoteOf(
  content: Uint8Array,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly remote: string; readonly md5: string; readonly object: string }> {
  const directory = formatDirectory([{ md5: md5Of(content), relpath: 'a/1.png' }]);
  const md5 = `${md5Of(directory)}.dir`;
  const remote = await server((request, response) => {
    if (request.url === pathOf(md5)) response.end(directory);
    else serve(request, response);
  });
  return { remote, md5, object: md5Of(content) };
}

async function server(listener: RequestListener): Promise<string> {
  const http = createServer(listener).listen(0, '127.0.0.1');
  await once(http, 'listening');
  afterAll(() => http.close().closeAllConnections());
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

/** Answers from `from` on and breaks off before `to`. */
function part(response: ServerResponse, from: number, to = BIG.length): void {
  response.writeHead(from === 0 ? 200 : 206, {
    'content-length': BIG.length - from,
    ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${BIG.length - 1}/${BIG.length}` }),
  });
  if (to === BIG.length) response.end(BIG.subarray(from));
  // What fetch has not handed out when the connection ends is lost, so that the end comes a little later.
  else response.write(BIG.subarray(from, to), () => setTimeout(() => response.destroy(), 20));
}

function startOf(request: IncomingMessage): number {
  return Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
}

describe('an object that breaks off', () => {
  it('is asked for from where it broke, as often as it gains something', async () => {
    const starts: number[] = [];
    const { remote, md5 } = await remoteOf(BIG, (request, response) => {
      const from = startOf(request);
      starts.push(from);
      part(response, from, Math.min(from + 16_000, BIG.length));
    });
    const into = folder();
    await pullDataset({ remote, md5, into });
    expect((await readFile(join(into, 'a/1.png'))).equals(BIG)).toBe(true);
    expect(starts.length).toBeGreaterThan(5);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(starts.at(-1)).toBeGreaterThan(64_000);
  });

  it('goes on in the next pull, also after this process', async () => {
    let broken = true;
    const starts: number[] = [];
    const { remote, md5, object } = await remoteOf(BIG, (request, response) => {
      starts.push(startOf(request));
      if (broken) part(response, 50_000, 50_000);
      else part(response, startOf(request));
    });
    const into = folder();
    await writeTree(into, { [`.hilum-part/${object}`]: BIG.subarray(0, 50_000), '.hilum-part/unknown': 'x' });
    await expect(pullDataset({ remote, md5, into })).rejects.toMatchObject({ code: 'DATASET_UNREACHABLE' });
    expect(await readdir(join(into, '.hilum-part'))).toEqual([object]);
    broken = false;
    await pullDataset({ remote, md5, into });
    expect((await readFile(join(into, 'a/1.png'))).equals(BIG)).toBe(true);
    expect(new Set(starts)).toEqual(new Set([50_000]));
    expect(await readdir(into)).toEqual(['a']);
  });

  it.each([
    ['knows no ranges', (_: IncomingMessage, response: ServerResponse) => part(response, 0)],
    [
      'answers with another range',
      (request: IncomingMessage, response: ServerResponse) => part(response, startOf(request) === 0 ? 0 : 7),
    ],
    [
      'says that the range is beyond the end',
      (request: IncomingMessage, response: ServerResponse) => {
        if (startOf(request) === 0) part(response, 0);
        else response.writeHead(416).end();
      },
    ],
  ])('starts again where the server %s', async (_, serve) => {
    const { remote, md5, object } = await remoteOf(BIG, serve);
    const into = folder();
    await writeTree(into, { [`.hilum-part/${object}`]: BIG.subarray(0, 50_000) });
    await pullDataset({ remote, md5, into });
    expect((await readFile(join(into, 'a/1.png'))).equals(BIG)).toBe(true);
  });

  it('starts again where the first half rotted on the disk', async () => {
    const { remote, md5, object } = await remoteOf(BIG, (request, response) =>
      part(response, startOf(request)),
    );
    const into = folder();
    await writeTree(into, { [`.hilum-part/${object}`]: Buffer.alloc(50_000, 7) });
    await pullDataset({ remote, md5, into });
    expect((await readFile(join(into, 'a/1.png'))).equals(BIG)).toBe(true);
  });

  it('goes on from a folder too', async () => {
    const dir = folder();
    await writeTree(dir, { 'a/1.png': BIG });
    const remote = pathToFileURL(folder()).href;
    const { md5 } = await pushDataset({ dir, remote });
    const into = folder();
    await writeTree(into, { [`.hilum-part/${md5Of(BIG)}`]: BIG.subarray(0, 50_000) });
    await pullDataset({ remote, md5, into });
    expect((await readFile(join(into, 'a/1.png'))).equals(BIG)).toBe(true);
  });
});

describe('a server', () => {
  it('that stalls is given up after the time without a byte, with what came kept', async () => {
    const { remote, md5, object } = await remoteOf(BIG, (request, response) => {
      const from = startOf(request);
      response.writeHead(from === 0 ? 200 : 206, { 'content-range': `bytes ${from}-99999/100000` });
      if (from === 0) response.write(BIG.subarray(0, 10));
      else response.flushHeaders();
    });
    const into = folder();
    const error: unknown = await pullDataset({ remote, md5, into, stallMs: 100 }).catch(
      (cause: unknown) => cause,
    );
    expect(error).toMatchObject({ code: 'DATASET_UNREACHABLE', retryable: true });
    expect((await stat(join(into, '.hilum-part', object))).size).toBe(10);
  });

  it('that says when to come back is asked again then', async () => {
    let asked = 0;
    const { remote, md5 } = await remoteOf(BIG, (_, response) => {
      asked += 1;
      if (asked === 1) response.writeHead(429, { 'retry-after': '1' }).end();
      else part(response, 0);
    });
    await pullDataset({ remote, md5, into: folder() });
    expect(asked).toBe(2);
  });

  it('that redirects elsewhere does not take our credentials along', async () => {
    const seen: [string | undefined, string | undefined][] = [];
    const elsewhere = await server((request, response) => {
      seen.push([request.headers.authorization, request.headers['x-key'] as string | undefined]);
      part(response, 0);
    });
    const { remote, md5 } = await remoteOf(BIG, (request, response) => {
      response.writeHead(307, { location: `${elsewhere}${request.url ?? ''}` }).end();
    });
    await pullDataset({ remote, md5, into: folder(), auth: { header: 'X-Key', value: 'secret' } });
    await pullDataset({ remote, md5, into: folder(), auth: { token: 'secret', scheme: 'token' } });
    expect(seen).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  it('that redirects in a circle, or out of HTTP, is given up', async () => {
    const circle = await remoteOf(BIG, (request, response) => {
      response.writeHead(302, { location: request.url }).end();
    });
    await expect(pullDataset({ ...circle, into: folder() })).rejects.toThrow('redirects without end');
    const out = await remoteOf(BIG, (_, response) => {
      response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    });
    await expect(pullDataset({ ...out, into: folder() })).rejects.toMatchObject({
      code: 'REMOTE_UNSUPPORTED',
    });
  });

  it('gets the header that it asks for, and a broken one is not repeated in the error', async () => {
    const seen: unknown[] = [];
    const { remote, md5 } = await remoteOf(BIG, (request, response) => {
      seen.push(request.headers['x-key'], request.headers.authorization);
      part(response, 0);
    });
    await pullDataset({ remote, md5, into: folder(), auth: { header: 'X-Key', value: 'k' } });
    await pullDataset({ remote, md5, into: folder(), auth: { token: 't', scheme: 'token' } });
    expect(seen).toEqual(['k', undefined, undefined, 'token t']);
    const broken = pullDataset({ remote, md5, into: folder(), auth: { token: 'sec\nret' } });
    const error: unknown = await broken.catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'BAD_CONFIG' });
    expect(inspect(error)).not.toMatch(/sec|ret\b/);
  });
});

describe('the target folder', () => {
  it('that is full is a code of its own', async () => {
    const { remote, md5, object } = await remoteOf(BIG, (_, response) => part(response, 0));
    const into = folder();
    await mkdir(join(into, '.hilum-part'), { recursive: true });
    // Linux' device that is always full, where the object would be written.
    await symlink('/dev/full', join(into, '.hilum-part', object));
    await expect(pullDataset({ remote, md5, into })).rejects.toMatchObject({
      code: 'DISK_FULL',
      exitCode: 64,
    });
  });

  it('is not left through a link that is already there', async () => {
    const { remote, md5 } = await remoteOf(BIG, (_, response) => part(response, 0));
    const into = folder();
    const outside = folder();
    await mkdir(outside);
    await mkdir(into);
    await symlink(outside, join(into, 'a'));
    await expect(pullDataset({ remote, md5, into })).rejects.toMatchObject({ code: 'DATASET_DIRTY' });
    expect(await readdir(outside)).toEqual([]);
  });

  it.each(['../x', `${'0'.repeat(32)}.dir/..`, 'A'.repeat(32)])(
    'is asked no object named %s',
    async (md5) => {
      const pulling = pullDataset({ remote: 'http://127.0.0.1:1', md5, into: folder() });
      await expect(pulling).rejects.toMatchObject({ code: 'BAD_CONFIG' });
    },
  );
});

describe('a push', () => {
  it('that breaks leaves no directory object, and the next sends only what is missing', async () => {
    const stored = new Set<string>();
    const sent: string[] = [];
    let left = 2;
    const remote = await server((request, response) => {
      const path = request.url ?? '';
      if (request.method === 'HEAD') {
        response.writeHead(stored.has(path) ? 200 : 404).end();
        return;
      }
      request.resume().on('end', () => {
        if (left === 0) {
          response.writeHead(403).end();
          return;
        }
        left -= 1;
        sent.push(path);
        stored.add(path);
        response.writeHead(201).end();
      });
    });
    const dir = folder();
    await writeTree(dir, { 'a/1': 'one', 'a/2': 'two', 'a/3': 'three', 'a/4': 'one' });
    await expect(pushDataset({ dir, remote })).rejects.toMatchObject({ code: 'DATASET_FORBIDDEN' });
    expect(sent.filter((path) => path.endsWith('.dir'))).toEqual([]);
    left = Infinity;
    const { md5 } = await pushDataset({ dir, remote });
    expect(sent).toHaveLength(4); // three different files and the directory, each once
    expect(sent.at(-1)).toBe(pathOf(md5));
  });

  it('stores nothing that could not be pulled again', async () => {
    const dir = folder();
    await writeTree(dir, { 'a\\b': 'x' });
    const store = folder();
    const pushing = pushDataset({ dir, remote: pathToFileURL(store).href });
    await expect(pushing).rejects.toMatchObject({ code: 'DATASET_MALFORMED' });
    await expect(stat(store)).rejects.toThrow('ENOENT');
  });

  it('makes objects that all may read and none may change', async () => {
    const dir = folder();
    await mkdir(dir);
    await writeFile(join(dir, 'private'), 'x', { mode: 0o600 });
    const store = folder();
    await pushDataset({ dir, remote: pathToFileURL(store).href });
    expect((await stat(join(store, pathOf(md5Of('x'))))).mode & 0o777).toBe(0o444);
  });
});
