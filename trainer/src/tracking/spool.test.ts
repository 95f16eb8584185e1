import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, readFile, readdir, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import type { Entry } from './entry.ts';
import { Spool, type SpoolOptions } from './spool.ts';

const scratch = scratchDir('spool');
let spools = 0;

const newDir = (): string => join(scratch, String((spools += 1)));
const open = (dir: string, options: Partial<SpoolOptions> = {}): Promise<Spool> =>
  Spool.open({ dir, ...options }, { now: Date.now });

const epoch = (step: number, value = 1 / step): Entry => {
  return {
    kind: 'metrics',
    run: 'r1',
    points: [{ key: 'epoch', value, step, timestampMs: 1_700_000_000_000 + step }],
    mark: 'epoch',
  };
};
const load = (step: number): Entry => {
  return {
    kind: 'metrics',
    run: 'r1',
    points: [{ key: 'system/x', value: 1, step, timestampMs: step }],
    system: true,
  };
};
const seqs = (spool: Spool): number[] => spool.waiting.map(({ seq }) => seq);
const stepsOf = (spool: Spool, key: string): number[] =>
  spool.waiting.flatMap(({ entry }) =>
    entry.kind === 'metrics' ? entry.points.filter((point) => point.key === key).map(({ step }) => step) : [],
  );

describe('a spool', () => {
  it('gives a later process what was not sent, in order, each value as it was', async () => {
    const dir = newDir();
    const spool = await open(dir);
    for (const step of [1, 2, 3]) await spool.append(epoch(step));
    await spool.append(epoch(4, Number.NaN));
    await spool.resolved('local-1', {
      runId: 'r9',
      experimentId: '1',
      artifactUri: 'mlflow-artifacts:/1/r9/artifacts',
    });
    await spool.sent(spool.waiting.slice(0, 2));
    expect(await spool.close()).toBe(false);
    const next = await open(dir);
    expect(next.waiting.map(({ entry }) => entry)).toEqual([epoch(3), epoch(4, Number.NaN)]);
    expect(next.runOf('local-1')?.runId).toBe('r9');
    expect(await next.append(epoch(5))).toBe(5);
    await next.close();
  });

  it('is gone when all was sent, and leaves what is not its own', async () => {
    const dir = newDir();
    const spool = await open(dir);
    await spool.append(epoch(1));
    await writeFile(join(dir, 'note.txt'), 'mine');
    await spool.sent(spool.waiting);
    expect(await spool.close()).toBe(true);
    expect(await readdir(dir)).toEqual(['note.txt']);
  });

  it('does without the line that a crash cut or a disk changed, and keeps the others', async () => {
    const dir = newDir();
    const spool = await open(dir);
    for (const step of [1, 2, 3]) await spool.append(epoch(step));
    await spool.close();
    const journal = join(dir, 'journal');
    await writeFile(journal, (await readFile(journal, 'utf8')).replace('"step":2', '"step":7'));
    await appendFile(journal, '0badc0de {"seq":4,"bytes":10,"entry":{"kind":"met');
    const next = await open(dir);
    expect(stepsOf(next, 'epoch')).toEqual([1, 3]);
    await next.append(epoch(4));
    await next.close();
    const last = await open(dir);
    expect(stepsOf(last, 'epoch')).toEqual([1, 3, 4]);
    await last.close();
  });

  it('keeps the bytes of a file until it was sent', async () => {
    const dir = newDir();
    const spool = await open(dir);
    await spool.append({ kind: 'file', run: 'r1', path: 'plots/roc.svg' }, Buffer.from('<svg/>'));
    await spool.close();
    const next = await open(dir);
    const [file] = next.waiting;
    const kept = file?.entry.kind === 'file' ? (file.entry.kept ?? '') : '';
    expect(await readFile(join(dir, 'files', kept), 'utf8')).toBe('<svg/>');
    await next.sent(next.waiting);
    expect(existsSync(join(dir, 'files', kept))).toBe(false);
    await next.close();
  });

  it('sets aside, with the reason, what MLflow refuses', async () => {
    const dir = newDir();
    const spool = await open(dir);
    await spool.append({ kind: 'params', run: 'r1', params: { a: '2' } });
    await spool.append(epoch(1));
    const [first] = spool.waiting;
    if (first !== undefined) await spool.refuse(first, 'it was 1 before');
    expect(seqs(spool)).toEqual([2]);
    await spool.sent(spool.waiting);
    // The folder stays for whoever wants to know what was lost.
    expect(await spool.close()).toBe(false);
    expect(JSON.parse(await readFile(join(dir, 'refused'), 'utf8'))).toMatchObject({
      reason: 'it was 1 before',
      entry: { kind: 'params', params: { a: '2' } },
    });
  });

  it.each([
    { what: 'entries', limits: { maxEntries: 40 } },
    { what: 'bytes', limits: { maxBytes: 6_000 } },
  ])(
    'drops the oldest figures of the machine first when it is full of $what, then refuses',
    async ({ limits }) => {
      const dir = newDir();
      const spool = await open(dir, limits);
      for (let step = 1; step <= 20; step += 1) {
        await spool.append(load(step));
        await spool.append(epoch(step));
      }
      let last = 20;
      const filled = (async () => {
        for (; last < 500; last += 1) await spool.append(epoch(last + 1));
      })();
      await expect(filled).rejects.toMatchObject({
        code: 'TRACKING_UNREACHABLE',
        message: expect.stringContaining(`hilum track-sync --spool ${dir}`) as string,
      });
      expect(stepsOf(spool, 'system/x')).toEqual([]);
      expect(spool.dropped).toBe(20);
      expect(stepsOf(spool, 'epoch')).toEqual(Array.from({ length: last }, (_, at) => at + 1));
      // The machine's load alone fails nobody.
      await spool.append(load(21));
      expect(spool.dropped).toBe(21);
      await spool.close();
      const next = await open(dir, limits);
      expect(stepsOf(next, 'epoch')).toHaveLength(last);
      await next.close();
    },
  );

  it('drops of the figures of the machine the older ones, and keeps the newer', async () => {
    const spool = await open(newDir(), { maxEntries: 8 });
    for (let step = 1; step <= 8; step += 1) await spool.append(load(step));
    await spool.append(epoch(1));
    expect(stepsOf(spool, 'system/x')).toEqual([5, 6, 7, 8]);
    await spool.close();
  });
});

describe('the lease of a spool', () => {
  it('is waited for while another works on it', async () => {
    const dir = newDir();
    const first = await open(dir);
    await first.append(epoch(1));
    let isOpen = false;
    const second = open(dir).then((spool) => {
      isOpen = true;
      return spool;
    });
    await first.append(epoch(2));
    expect(isOpen).toBe(false);
    await first.close();
    expect(stepsOf(await second, 'epoch')).toEqual([1, 2]);
    await (await second).close();
  });

  it('is refused to a second run that was given the same folder', async () => {
    const dir = newDir();
    const spool = await open(dir);
    // The clock of the waiting run: 20 s pass each time that it looks.
    let seconds = 0;
    const now = (): number => 1000 * (seconds += 20);
    await expect(Spool.open({ dir }, { now })).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining('another run works on') as string,
    });
    await spool.close();
  });

  it.each([
    { what: 'a process that is dead', ageS: 0, holder: { host: hostname(), pid: spawnSync('true').pid } },
    { what: 'a pod that has been silent', ageS: 60, holder: { host: 'another-pod', pid: 1 } },
  ])('is taken over at once from $what', async ({ ageS, holder }) => {
    const dir = newDir();
    await (await open(dir)).append(epoch(1));
    const lease = join(dir, 'lease');
    await writeFile(lease, JSON.stringify({ ...holder, id: 'x' }));
    const time = new Date(Date.now() - 1000 * ageS);
    await utimes(lease, time, time);
    const spool = await open(dir);
    expect(stepsOf(spool, 'epoch')).toEqual([1]);
    await spool.close();
  });
});
