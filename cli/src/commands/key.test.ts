import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hilum-key-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function hilum(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const code = await runCli(args, {
    stdout: { write: (text) => (written.out += text) },
    stderr: { isTTY: false, write: (text) => (written.err += text) },
    signal: new AbortController().signal,
  });
  return { code, ...written };
}

describe('hilum key new', () => {
  it('prints the key alone, and beside it the line for the server, in which it is not', async () => {
    const { code, out, err } = await hilum('key', 'new', '--name', 'pacs', '--roles', 'predict,explain');
    expect([code, out]).toEqual([0, expect.stringMatching(/^hk_[\w-]{43}\n$/)]);
    const line = err.trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(line)).toMatchObject({ name: 'pacs', roles: ['predict', 'explain'] });
    expect(err).not.toContain(out.trim());
  });

  it('adds to a file that only its owner reads, one line a key', async () => {
    const file = join(scratch, 'keys');
    await hilum('key', 'new', '--name', 'one', '--file', file, '--rate', '60', '--expires', '2027-01-31');
    const { out } = await hilum('key', 'new', '--name', 'two', '--file', file, '--json');
    const lines = (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toMatchObject([
      { name: 'one', rateLimit: { perMinute: 60 }, expires: '2027-01-31T00:00:00.000Z' },
      { name: 'two', roles: ['predict'] },
    ]);
    expect(JSON.parse(out)).toMatchObject({ line: lines[1] });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it.each([
    [['key'], 'it is hilum key new'],
    [['key', 'new'], '--name is missing'],
    [['key', 'new', '--name', 'two words'], '--name is up to 64'],
    [['key', 'new', '--name', 'x', '--roles', 'root'], '--roles is one of predict, explain, admin, not root'],
    [['key', 'new', '--name', 'x', '--expires', 'soon'], '--expires is a date'],
  ])('refuses %j', async (args, why) => {
    const { code, out, err } = await hilum(...args);
    expect([code, out]).toEqual([64, '']);
    expect(err).toContain(why);
  });
});
