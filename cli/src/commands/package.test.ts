/** `hilum package`, as a shell sees it; the sums are checked by `sha256sum`. */
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hilum-package-'));
afterAll(() => rm(scratch, { recursive: true, force: true }));
const model = join(scratch, 'model');
const evaluation = join(scratch, 'evaluation');
const out = join(scratch, 'out');

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
  const data = join(scratch, 'phantom');
  await hilum('phantom', '--out', data, '--patients', '12', '--slices', '1');
  const sizes = '--input-size 32 --epochs 1 --batch-size 8'.split(' ');
  const trained = await hilum(
    'train',
    '--data',
    data,
    '--out',
    model,
    ...sizes,
    '--cache',
    join(scratch, 'f'),
  );
  if (trained.code !== 0) throw new Error(trained.err);
  await mkdir(evaluation);
  await writeFile(join(evaluation, 'model-card.md'), '# card\n');
});

describe('hilum package', () => {
  it('puts the verified model and its evaluation under one list of digests', async () => {
    const { code, out: text } = await hilum(
      'package',
      '--model',
      model,
      '--evaluation',
      evaluation,
      '--out',
      out,
    );
    expect(code).toBe(0);
    const digest = (await readFile(join(out, 'DIGEST'), 'utf8')).trim();
    expect(text).toContain(`model ${digest}\nResearch use only, not for diagnosis.`);
    const { stdout } = await promisify(execFile)('sha256sum', ['--check', '--strict', 'SHA256SUMS'], {
      cwd: out,
    });
    expect(stdout).toContain('model/manifest.json: OK');
    expect(stdout).toContain('evaluation/model-card.md: OK');
    expect(stdout).not.toContain('FAILED');
  });

  it('replaces what it made, and nothing that is somebody’s own', async () => {
    expect(await hilum('package', '--model', model, '--out', out)).toMatchObject({ code: 0 });
    expect(await readdir(out)).not.toContain('evaluation');
    expect(await hilum('package', '--model', model, '--out', evaluation)).toMatchObject({ code: 64 });
    expect(await readdir(evaluation)).toEqual(['model-card.md']);
  });

  it('ends with 65 for a model that was altered, and makes nothing', async () => {
    await writeFile(join(model, 'labels.json'), '{}');
    const { code, err } = await hilum('package', '--model', model, '--out', join(scratch, 'altered'));
    expect(code).toBe(65);
    expect(err).toContain('DIGEST_MISMATCH');
    expect(await readdir(scratch)).not.toContain('altered');
  });
});
