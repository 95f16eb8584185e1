/** Transfers that break, stall or are led astray: against servers that misbehave on purpose. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { md5Of, pathOf, remoteOf, server } from '../../test/web-remote.ts';
import { formatDirectory } from './directory.ts';
import { pullDataset } from './pull.ts';
import { pushDataset } from './push.ts';

const scratch = scratchDir('dvc-resume');
const BIG = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));

let count = 0;
const folder = (): string => join(scratch, `into-${(count += 1)}`);

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

  it('is stopped by the caller in the middle, and what came is kept', async () => {
    const stop = new AbortController();
    const { remote, md5, object } = await remoteOf(BIG, (_, response) => {
      response.writeHead(200, { 'content-length': BIG.length });
      response.write(BIG.subarray(0, 50_000));
    });
    const into = folder();
    const pulling = pullDataset({ remote, md5, into, signal: stop.signal });
    const part = join(into, '.hilum-part', object);
    await expect
      .poll(
        () =>
          stat(part).then(
            ({ size }) => size,
            () => 0,
          ),
        { timeout: 10_000 },
      )
      .toBe(50_000);
    stop.abort(new Error('enough'));
    await expect(pulling).rejects.toThrow('enough');
    expect((await stat(part)).size).toBe(50_000);
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

  it('is asked for eight objects at a time, and no more', async () => {
    const files = Array.from({ length: 40 }, (_, index) => ({
      relpath: `a/${index}`,
      text: `file ${index}`,
    }));
    const directory = formatDirectory(files.map(({ relpath, text }) => ({ relpath, md5: md5Of(text) })));
    const texts = new Map(files.map(({ text }) => [pathOf(md5Of(text)), text]));
    let open = 0;
    let most = 0;
    const remote = await server((request, response) => {
      const text = texts.get(request.url ?? '');
      if (text === undefined) {
        response.end(directory);
        return;
      }
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        response.end(text);
      }, 20);
    });
    const pulled = await pullDataset({ remote, md5: `${md5Of(directory)}.dir`, into: folder() });
    expect([pulled.files, most]).toEqual([40, 8]);
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
