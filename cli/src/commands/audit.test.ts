/** `hilum audit` and `hilum prepare`, as a shell sees them. */
import { mkdtempSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hilum-audit-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));
const data = join(scratch, 'data');
const cache = ['--cache', join(scratch, 'cache')];

async function hilum(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const code = await runCli(args, {
    stdout: { write: (text) => (written.out += text) },
    stderr: { isTTY: false, write: (text) => (written.err += text) },
    signal: new AbortController().signal,
  });
  return { code, ...written };
}

beforeAll(async () => {
  await hilum('phantom', '--out', data, '--patients', '16', '--slices', '1');
});

describe('hilum audit', () => {
  it('passes an honest split, tells what it looked for, and records the split for other commands', async () => {
    const record = join(scratch, 'split.json');
    const { code, out, err } = await hilum('audit', '--data', data, '--record', record, ...cache);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^16 images: 8 train, 4 validation, 4 test; split [0-9a-f]{12}, seed 7\n/);
    expect(out).toMatch(/nearly equal \(r > 0\.98\) +0 +0/);
    expect(out).toContain('nothing is on two sides');

    const dataset = join(scratch, 'dataset.json');
    const prepared = await hilum('prepare', '--data', data, '--split', record, '--out', dataset, '--json');
    const { sha256 } = JSON.parse(await readFile(record, 'utf8')) as { sha256: string };
    expect(JSON.parse(prepared.out)).toMatchObject({ images: 16, split: { sha256, seed: 7 } });
    expect(JSON.parse(await readFile(dataset, 'utf8'))).toEqual(JSON.parse(prepared.out));
  });

  it('ends with 65 where a picture of the training side is in the test part, and names both', async () => {
    const leaky = join(scratch, 'leaky');
    await cp(data, leaky, { recursive: true });
    const record = join(scratch, 'first.json');
    await hilum('audit', '--data', leaky, '--record', record, ...cache);
    const { sides } = JSON.parse(await readFile(record, 'utf8')) as { sides: Record<string, string> };
    const on = (side: string): string =>
      Object.keys(sides).find((file) => sides[file] === side && file.startsWith('benign/')) ?? '';
    await writeFile(join(leaky, on('test')), await readFile(join(leaky, on('train'))));

    const out = join(scratch, 'audit.json');
    const refused = join(scratch, 'refused.json');
    const args = ['--data', leaky, '--split', record, '--out', out, '--record', refused, ...cache];
    const found = await hilum('audit', ...args);
    expect(found.code).toBe(65);
    expect(found.out).toContain('failure: ');
    for (const side of ['train', 'test']) expect(found.out).toContain(`${on(side)} (${side})`);
    expect(found.out).toContain('the split leaks');
    expect(JSON.parse(await readFile(out, 'utf8'))).toMatchObject({
      passed: false,
      counts: { exactAcross: 1 },
    });
    await expect(readFile(refused)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('writes a manifest by which what is alike stays together, and the split of it passes', async () => {
    const leaky = join(scratch, 'joined');
    await cp(data, leaky, { recursive: true });
    const record = join(scratch, 'before.json');
    await hilum('audit', '--data', leaky, '--record', record, ...cache);
    const { sides } = JSON.parse(await readFile(record, 'utf8')) as { sides: Record<string, string> };
    const files = Object.keys(sides).filter((file) => file.startsWith('benign/'));
    const [from = '', to = ''] = ['train', 'test'].map((side) => files.find((file) => sides[file] === side));
    await writeFile(join(leaky, to), await readFile(join(leaky, from)));

    const regroup = join(scratch, 'regrouped.csv');
    const before = await hilum('audit', '--data', leaky, '--regroup', regroup, ...cache);
    expect(before).toMatchObject({
      code: 65,
      out: expect.stringContaining('1 groups became part') as string,
    });
    const after = await hilum('audit', '--data', leaky, '--labels', regroup, ...cache, '--json');
    expect(after.code).toBe(0);
    expect(JSON.parse(after.out)).toMatchObject({ passed: true, counts: { exactAcross: 0, exactWithin: 1 } });
  });

  it('takes labels and groups from a table, and refuses a split of other groups', async () => {
    const record = join(scratch, 'by-folder.json');
    await hilum('audit', '--data', data, '--record', record, ...cache);
    const { sides } = JSON.parse(await readFile(record, 'utf8')) as { sides: Record<string, string> };
    const rows = Object.keys(sides).map((file, at) => `${file},${file.split('/')[0]},g${at % 8},${at % 2}`);
    const labels = join(scratch, 'manifest.csv');
    await writeFile(labels, `path,label,group,site\n${rows.map((row) => `data/${row}\n`).join('')}`);
    const args = ['--data', data, '--labels', labels, '--columns', 'site', ...cache];
    const { code, out } = await hilum('audit', ...args, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ passed: true, counts: { images: 16 } });
    const other = await hilum('audit', ...args, '--split', record);
    expect(other).toMatchObject({ code: 65, err: expect.stringContaining('SPLIT_MALFORMED') as string });
  });

  it.each([
    [['--split', 'x', '--test', '20'], '--split has been dealt already: leave --test out'],
    [['--columns', 'sex'], 'add --labels FILE'],
    [['--validation', '50', '--test', '50'], 'less than 20 percent'],
  ])('ends with 64 for %j', async (flags, why) => {
    const { code, err } = await hilum('audit', '--data', data, ...flags);
    expect(code).toBe(64);
    expect(err).toContain(why);
  });
});
