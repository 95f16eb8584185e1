import { mkdir, readdir, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { ShardFolder } from './shards.ts';
import { FeatureStore } from './store.ts';

const scratch = scratchDir('store');
const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const keys = ['1', '2'].map((digit) => digit.repeat(64));
const rows = Float32Array.of(1, 2, 3, 4, 5, 6);

let ids = 0;
const newId = (): string => `id-${(ids += 1)}`;

describe('a full disk', () => {
  it('is a code of its own that names the folder and how much it needs, and leaves no half shard', async () => {
    const dir = join(scratch, 'full');
    const store = new FeatureStore(dir, { limitBytes: 1e9, now: Date.now, newId: () => 'full' });
    const folder = await store.folder(A);
    await folder.add(keys, rows);
    const name = (await readdir(folder.dir)).find((file) => file.endsWith('.features')) ?? '';
    // Linux' device that is always full, where the same shard would be written again.
    await symlink('/dev/full', join(folder.dir, `${name}.full.part`));
    await expect(store.add(folder, keys, rows, 5e6)).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining(
        `${dir}: the features that are still to be computed need 5 MB`,
      ) as string,
    });
    expect((await readdir(folder.dir)).toSorted()).toEqual([name, 'used']);
    store.close();
  });

  it('is given what recipes that nobody uses take, before it ends a run', async () => {
    const dir = join(scratch, 'given');
    const past = new FeatureStore(dir, { limitBytes: 1e9, now: () => 0, newId });
    await (await past.folder(B)).add(keys, rows);
    past.close();
    let first = true;
    const store = new FeatureStore(dir, {
      limitBytes: 1e9,
      now: Date.now,
      newId: () => {
        const id = first ? 'full' : newId();
        first = false;
        return id;
      },
    });
    const folder = await store.folder(A);
    const name = (await readdir(join(dir, B))).find((file) => file.endsWith('.features')) ?? '';
    await symlink('/dev/full', join(folder.dir, `${name}.full.part`));
    await store.add(folder, keys, rows, rows.byteLength);
    expect(folder.has(keys[1] ?? '')).toBe(true);
    expect(await readdir(dir)).toEqual([A]);
    store.close();
  });
});

describe('the bound', () => {
  it('touches nothing that is not a recipe', async () => {
    const dir = join(scratch, 'others');
    await mkdir(join(dir, 'prints'), { recursive: true });
    await writeFile(join(dir, 'prints', 'x.prints'), 'x'.repeat(500));
    const past = new FeatureStore(dir, { limitBytes: 1e9, now: () => 0, newId });
    await (await past.folder(B)).add(keys, rows);
    past.close();
    const store = new FeatureStore(dir, { limitBytes: 1, now: Date.now, newId });
    await store.add(await store.folder(A), keys, rows, rows.byteLength);
    expect((await readdir(dir)).toSorted()).toEqual([A, 'prints']);
    store.close();
  });

  it('is kept while one run writes shard after shard', async () => {
    const dir = join(scratch, 'growing');
    const past = new FeatureStore(dir, { limitBytes: 1e9, now: () => 0, newId });
    await (await past.folder(B)).add(keys, rows);
    past.close();
    const store = new FeatureStore(dir, { limitBytes: 1000, now: Date.now, newId });
    const folder = await store.folder(A);
    for (let shard = 0; shard < 40; shard += 1) {
      await store.add(folder, [String(shard).padStart(64, '0')], rows, rows.byteLength);
    }
    expect(await readdir(dir)).toEqual([A]);
    store.close();
  });
});

describe('a recipe in use', () => {
  it('is kept by the run that uses it, however long ago that began', async () => {
    let now = 0;
    const store = new FeatureStore(join(scratch, 'long'), { limitBytes: 1, now: () => now, newId });
    const folder = await store.folder(A);
    await store.add(folder, keys, rows, rows.byteLength);
    now = 24 * 3_600_000;
    await store.add(await store.folder(B), keys, rows, rows.byteLength);
    const into = new Float32Array(3);
    folder.read(keys[0] ?? '', into, 0);
    expect([...into]).toEqual([1, 2, 3]);
    store.close();
  });
});

describe('ShardFolder', () => {
  it('lets two writers add the same rows at once, and others read either', async () => {
    const dir = join(scratch, 'two');
    const [one, two] = await Promise.all([ShardFolder.open(dir), ShardFolder.open(dir)]);
    await Promise.all([one.add(keys, rows), two.add(keys, rows)]);
    for (const folder of [one, two, await ShardFolder.open(dir)]) {
      await folder.verify(keys);
      const into = new Float32Array(3);
      folder.read(keys[1] ?? '', into, 0);
      expect([...into]).toEqual([4, 5, 6]);
      folder.close();
    }
  });

  it('holds no more files open than it may, however many shards there are', async () => {
    const folder = await ShardFolder.open(join(scratch, 'many'));
    const before = (await readdir('/proc/self/fd')).length;
    const names = Array.from({ length: 300 }, (_, index) => String(index).padStart(64, '0'));
    for (const [index, name] of names.entries()) await folder.add([name], Float32Array.of(index));
    const into = new Float32Array(300);
    for (const [index, name] of names.entries()) folder.read(name, into, index);
    expect(into).toEqual(Float32Array.from(names, (_, index) => index));
    expect((await readdir('/proc/self/fd')).length - before).toBeLessThan(270);
    folder.close();
    expect((await readdir('/proc/self/fd')).length - before).toBeLessThan(10);
  });

  it('removes a shard that was cut, before anybody looks for its rows', async () => {
    const dir = join(scratch, 'cut');
    const folder = await ShardFolder.open(dir);
    await folder.add(keys, rows);
    folder.close();
    const name = (await readdir(dir))[0] ?? '';
    await truncate(join(dir, name), 200);
    const again = await ShardFolder.open(dir);
    expect(again.has(keys[0] ?? '')).toBe(false);
    expect(await readdir(dir)).toEqual([]);
    again.close();
  });

  it('removes what a killed writer left, once it is old', async () => {
    const dir = join(scratch, 'killed');
    await mkdir(dir);
    await writeFile(join(dir, 'x.features.1.part'), 'half');
    const { mtimeMs } = await stat(join(dir, 'x.features.1.part'));
    (await ShardFolder.open(dir, { now: () => mtimeMs + 60_000 })).close();
    expect(await readdir(dir)).toHaveLength(1);
    (await ShardFolder.open(dir, { now: () => mtimeMs + 7_200_000 })).close();
    expect(await readdir(dir)).toEqual([]);
  });
});
