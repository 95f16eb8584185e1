import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { startMlflow, type MlflowServer } from '@hilum/hack';
import { createMlflow } from '@hilum/mlflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli.ts';

let scratch: string;
let server: MlflowServer;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'hilum-track-sync-'));
  server = await startMlflow();
});
afterAll(async () => {
  await server?.stop();
  await rm(scratch, { recursive: true, force: true });
});

/** As a run leaves it that began and ended without MLflow. */
async function aSpool(name: string, more: readonly object[] = []): Promise<string> {
  const dir = join(scratch, name);
  await mkdir(dir);
  const run = `local-${name}`;
  const find = { 'hilum.localId': run };
  const point = { key: 'epoch', value: 1, step: 1, timestampMs: 1_700_000_001_000 };
  const entries = [
    { kind: 'open', run, experiment: 'late', name, startTimeMs: 1_700_000_000_000, tags: find, find },
    { kind: 'metrics', run, points: [point], mark: 'epoch' },
    ...more.map((entry) => ({ run, ...entry })),
    { kind: 'end', run, status: 'FINISHED', endTimeMs: 1_700_000_002_000 },
  ];
  const lines = entries.map((entry, at) => {
    const json = JSON.stringify({ seq: at + 1, bytes: 100, entry });
    return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
  });
  await writeFile(join(dir, 'journal'), lines.join(''));
  return dir;
}

async function sync(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const stdout = { write: (part: string) => (written.out += part) };
  const stderr = { isTTY: false, write: (part: string) => (written.err += part) };
  const exit = await runCli(['track-sync', ...args], {
    stdout,
    stderr,
    signal: new AbortController().signal,
  });
  return { exit, ...written };
}

describe('hilum track-sync', () => {
  it('sends what a run left, once, and removes it', async () => {
    const dir = await aSpool('left');
    expect(await sync('--spool', dir, '--mlflow', server.url)).toEqual({
      exit: 0,
      out: 'sent 3 entries\n',
      err: '',
    });
    expect(existsSync(dir)).toBe(false);
    const mlflow = createMlflow({ baseUrl: server.url });
    const experimentId = await mlflow.ensureExperiment('late');
    const run = await mlflow.findRun(experimentId, { 'hilum.localId': 'local-left' });
    expect(run).toMatchObject({ status: 'FINISHED', metrics: { epoch: 1 }, endTimeMs: 1_700_000_002_000 });
    expect(await sync('--spool', dir, '--mlflow', server.url)).toMatchObject({
      exit: 64,
      err: expect.stringContaining('holds no spool') as string,
    });
  });

  it('keeps all of it where MLflow does not answer', async () => {
    const dir = await aSpool('away');
    const { exit, err } = await sync('--spool', dir, '--mlflow', 'http://127.0.0.1:1', '--wait', '0');
    expect(exit).toBe(69);
    expect(err).toContain('TRACKING_UNREACHABLE');
    expect(err).toContain('3 of 3 entries are left');
    expect((await sync('--spool', dir, '--mlflow', server.url)).exit).toBe(0);
  });

  it('says what MLflow refuses, sends the rest, and keeps the refused', async () => {
    const twice = [
      { kind: 'params', params: { seed: '7' } },
      { kind: 'params', params: { seed: '8' } },
    ];
    const dir = await aSpool('refused', twice);
    const { exit, out } = await sync('--spool', dir, '--mlflow', server.url, '--json');
    expect(exit).toBe(69);
    expect(JSON.parse(out)).toEqual({
      entries: 4,
      refused: [expect.stringMatching(/^params: .*seed/) as string],
    });
    expect(existsSync(join(dir, 'refused'))).toBe(true);
  });

  it.each([
    { args: [], want: '--spool is missing' },
    { args: ['--spool', 'x'], want: '--mlflow is missing' },
    {
      args: ['--spool', 'x', '--mlflow', 'http://h', '--wait', '-1'],
      want: '--wait is a number from 0 to 86400',
    },
  ])('refuses a call without sense: $want', async ({ args, want }) => {
    const { exit, err } = await sync(...args);
    expect(exit).toBe(64);
    expect(err).toContain(want);
  });
});
