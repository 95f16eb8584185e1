import { createHash } from 'node:crypto';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { PrintCache, THUMB_BYTES, type Print } from './print-cache.ts';

const scratch = scratchDir('print-cache');
const key = (name: string): string => createHash('sha256').update(name).digest('hex');

function prints(...names: readonly string[]): ReadonlyMap<string, Print> {
  return new Map(
    names.map((name) => [
      key(name),
      { pixels: key(`pixels of ${name}`), thumb: Buffer.alloc(THUMB_BYTES, name) },
    ]),
  );
}

async function keep(dir: string, ...names: readonly string[]): Promise<void> {
  const cache = await PrintCache.open(dir);
  await cache.keep(prints(...names));
  await cache.close();
}

/** Which of some images are known. */
async function known(dir: string, ...names: readonly string[]): Promise<readonly string[]> {
  const cache = await PrintCache.open(dir);
  const found: string[] = [];
  for (const name of names) if ((await cache.find(key(name))) !== undefined) found.push(name);
  await cache.close();
  return found;
}

describe('the cache of fingerprints', () => {
  it('gives back what was kept, and nothing else', async () => {
    const dir = join(scratch, 'back');
    const names = Array.from({ length: 600 }, (_, at) => `image ${at}`);
    await keep(dir, ...names);
    const cache = await PrintCache.open(dir);
    for (const name of ['image 0', 'image 257', 'image 599']) {
      expect(await cache.find(key(name))).toEqual(prints(name).get(key(name)));
    }
    expect(await cache.find(key('another'))).toBeUndefined();
    await cache.close();
  });

  it('is one file for a dataset that grows', async () => {
    const dir = join(scratch, 'grown');
    await keep(dir, 'a', 'b');
    await keep(dir, 'a', 'b', 'c');
    await keep(dir, 'a', 'c');
    expect(await readdir(dir)).toHaveLength(1);
    expect(await known(dir, 'a', 'b', 'c')).toEqual(['a', 'b', 'c']);
  });

  it('holds eight datasets, the last ones', async () => {
    const dir = join(scratch, 'many');
    for (let at = 0; at < 10; at += 1) {
      const before = new Set(await readdir(dir).catch(() => []));
      await keep(dir, `of ${at}`, 'shared');
      const added = (await readdir(dir)).find((name) => !before.has(name)) ?? '';
      // A minute apart, whatever the file system's clock can tell.
      await utimes(join(dir, added), at * 60, at * 60);
    }
    expect(await readdir(dir)).toHaveLength(8);
    expect(await known(dir, 'of 0', 'of 1', 'of 2', 'of 9', 'shared')).toEqual(['of 2', 'of 9', 'shared']);
  });

  it('knows nothing of a file that was damaged, cut, or is of another kind', async () => {
    const dir = join(scratch, 'damaged');
    await keep(dir, 'a', 'b');
    const [name = ''] = await readdir(dir);
    const bytes = await readFile(join(dir, name));
    const damaged = Buffer.from(bytes);
    damaged[bytes.length - 100] = 255;
    await writeFile(join(dir, name), damaged);
    expect(await known(dir, 'a', 'b')).toEqual(['a']);
    await writeFile(join(dir, name), bytes.subarray(0, -1));
    expect(await known(dir, 'a', 'b')).toEqual([]);
    await writeFile(join(dir, name), Buffer.alloc(bytes.length));
    expect(await known(dir, 'a', 'b')).toEqual([]);
  });

  it('does without a folder that cannot be written', async () => {
    const dir = join(scratch, 'a-file');
    await writeFile(dir, 'no folder');
    await keep(dir, 'a');
    expect(await known(dir, 'a')).toEqual([]);
  });
});
