/** What a pull does to its folder, and a push to the remote, when things are not as they should be. */
import { mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { md5Of, pathOf, remoteOf, server } from '../../test/web-remote.ts';
import { pullDataset } from './pull.ts';
import { pushDataset } from './push.ts';

const scratch = scratchDir('dvc-target');
const IMAGE = Buffer.from('image');

let count = 0;
const folder = (): string => join(scratch, `into-${(count += 1)}`);

describe('the target folder', () => {
  it('that is full is a code of its own', async () => {
    const { remote, md5, object } = await remoteOf(IMAGE, (_, response) => response.end(IMAGE));
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
    const { remote, md5 } = await remoteOf(IMAGE, (_, response) => response.end(IMAGE));
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
