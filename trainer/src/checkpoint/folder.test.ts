/** Checkpoints in a real folder, with what really befalls files there. */
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aCheckpoint } from '../../test/a-checkpoint.ts';
import { fitProcess } from '../../test/fit-process.ts';
import { scratchDir } from '../../test/scratch.ts';
import { folderCheckpoints } from './folder.ts';

const scratch = scratchDir('checkpoints');
let folders = 0;
const aFolder = (): string => join(scratch, String((folders += 1)), 'deep');

/** A folder with checkpoints of steps 1 … n. */
async function withSteps(steps: number): Promise<string> {
  const dir = aFolder();
  const store = folderCheckpoints(dir);
  await store.load('k');
  for (let step = 1; step <= steps; step += 1) await store.save(aCheckpoint({ step }));
  return dir;
}

const load = async (dir: string) => folderCheckpoints(dir).load('k');

describe('a folder of checkpoints', () => {
  it('has none at first', async () => {
    expect(await load(aFolder())).toEqual({ checkpoint: undefined, refused: [] });
  });

  it('gives the newest, keeps the one before, and nothing else', async () => {
    const dir = await withSteps(5);
    expect((await load(dir)).checkpoint).toEqual(aCheckpoint({ step: 5 }));
    expect(await readdir(dir)).toEqual(['checkpoint-a', 'checkpoint-b']);
  });

  it('goes on beside the newest when it is opened again', async () => {
    for (const steps of [4, 5]) {
      const dir = await withSteps(steps);
      const store = folderCheckpoints(dir);
      await store.load('k');
      await store.save(aCheckpoint({ step: 9 }));
      await damage(dir, 9);
      expect((await load(dir)).checkpoint?.step).toBe(steps);
    }
  });

  it('falls back to the one before where the newest is damaged or cut, and says so', async () => {
    for (const harm of [damage, cut]) {
      const dir = await withSteps(5);
      await harm(dir, 5);
      const { checkpoint, refused } = await load(dir);
      expect(checkpoint).toEqual(aCheckpoint({ step: 4 }));
      expect(refused).toEqual([expect.stringMatching(/^checkpoint-[ab]: .*damaged/)]);
    }
  });

  it('has none where both are damaged', async () => {
    const dir = await withSteps(5);
    await damage(dir, 5);
    await cut(dir, 4);
    expect(await load(dir)).toMatchObject({ checkpoint: undefined, refused: [{}, {}] });
  });

  it('replaces a damaged one first, not the last whole one', async () => {
    const dir = await withSteps(5);
    await damage(dir, 5);
    const store = folderCheckpoints(dir);
    await store.load('k');
    await store.save(aCheckpoint({ step: 6 }));
    await damage(dir, 6);
    expect((await load(dir)).checkpoint?.step).toBe(4);
  });

  it('does not give the checkpoint of another run, and says so', async () => {
    const dir = await withSteps(2);
    const { checkpoint, refused } = await folderCheckpoints(dir).load('other');
    expect(checkpoint).toBeUndefined();
    expect(refused).toHaveLength(2);
    expect(refused[0]).toMatch(/run with other data/);
  });

  it('drops what a killed process left half written', async () => {
    const dir = await withSteps(2);
    await writeFile(join(dir, 'checkpoint-a.0000.unfinished'), 'half');
    await writeFile(join(dir, 'notes.txt'), 'of somebody else');
    await load(dir);
    expect(await readdir(dir)).toEqual(['checkpoint-a', 'checkpoint-b', 'notes.txt']);
  });

  it('is empty of checkpoints when it is cleared', async () => {
    const dir = await withSteps(2);
    await folderCheckpoints(dir).clear();
    expect(await readdir(dir)).toEqual([]);
    await folderCheckpoints(aFolder()).clear();
  });

  it('writes nothing more once the time is over, and keeps what there is', async () => {
    const dir = await withSteps(2);
    const store = folderCheckpoints(dir);
    await store.load('k');
    const over = AbortSignal.abort(new Error('over'));
    await expect(store.save(aCheckpoint({ step: 3 }), over)).rejects.toThrow('over');
    expect((await load(dir)).checkpoint?.step).toBe(2);
    expect(await readdir(dir)).toHaveLength(2);
  });

  it('that cannot be made or read says why, by a code', async () => {
    const file = join(scratch, 'file');
    await writeFile(file, '');
    const message = expect.stringMatching(/cannot be (read|written) \(ENOTDIR|EISDIR\)/) as string;
    const wrong = { code: 'CHECKPOINT_UNREACHABLE' };
    await expect(folderCheckpoints(join(file, 'in')).load('k')).rejects.toMatchObject({ ...wrong, message });
    await expect(folderCheckpoints(join(file, 'in')).save(aCheckpoint())).rejects.toMatchObject(wrong);
    const odd = aFolder();
    await mkdir(join(odd, 'checkpoint-a'), { recursive: true });
    await expect(folderCheckpoints(odd).load('k')).rejects.toMatchObject(wrong);
  });

  it.skipIf(process.getuid?.() === 0)(
    'that may not be written says so (root may write everywhere)',
    async () => {
      const dir = await withSteps(1);
      await chmod(dir, 0o500);
      await expect(folderCheckpoints(dir).save(aCheckpoint())).rejects.toMatchObject({
        code: 'CHECKPOINT_UNREACHABLE',
      });
      await chmod(dir, 0o700);
    },
  );
});

const canMount = spawnSync('sh', ['-c', 'unshare -rm true']).status === 0;

describe.skipIf(!canMount)('a disk without room (a file system of its own: needs user namespaces)', () => {
  it('is survived with a warning, ends nothing, and is over when there is room again', async () => {
    const dir = aFolder();
    await mkdir(dir, { recursive: true });
    const mounted = 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"';
    const through = ['sh', '-c', 'exec unshare -rm sh -c "$0" "$@"', mounted, dir];
    const checkpoint = { everySteps: 1 };
    const { lines } = await fitProcess([dir, { checkpoint, fullUntilStep: 12 }], { through });
    const kinds = lines.map(({ type }) => type).filter((type) => type.startsWith('checkpoint'));
    const failed = kinds.filter((type) => type === 'checkpoint-failed').length;
    expect(failed).toBeGreaterThan(8);
    expect(kinds.slice(0, failed)).toEqual(Array.from({ length: failed }, () => 'checkpoint-failed'));
    expect(new Set(kinds.slice(failed))).toEqual(new Set(['checkpoint']));
    expect(lines.find(({ type }) => type === 'checkpoint-failed')).toMatchObject({
      code: 'DISK_FULL',
      why: expect.stringContaining('ENOSPC') as string,
    });
    const undisturbed = (await fitProcess([''])).lines.at(-1);
    expect(lines.at(-1)).toEqual({ ...undisturbed, files: ['checkpoint-a', 'checkpoint-b'] });
  });
});

async function fileOf(dir: string, step: number): Promise<string> {
  for (const name of await readdir(dir)) {
    if ((await readFile(join(dir, name))).includes(`"step":${step},`)) return join(dir, name);
  }
  throw new Error(`no checkpoint of step ${step}`);
}

async function damage(dir: string, step: number): Promise<void> {
  const path = await fileOf(dir, step);
  const bytes = await readFile(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(path, bytes);
}

async function cut(dir: string, step: number): Promise<void> {
  const path = await fileOf(dir, step);
  await truncate(path, (await readFile(path)).length - 1);
}
