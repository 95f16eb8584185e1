import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { contractSchema, defaultContract, writeCtSlice } from '@hilum/imaging';
import {
  BASE_WEIGHTS_SHA256,
  buildFrozen,
  buildTail,
  joinModel,
  loadEngine,
  readBaseWeights,
  writePackage,
} from '@hilum/model';
import { createLogger, readConfig, start } from '@hilum/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli.ts';

let dir: string;
let ledger: string;
let model: string;
let images: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hilum-cli-ledger-'));
  [ledger, model, images] = [join(dir, 'ledger'), join(dir, 'model'), join(dir, 'images')];
  await writeModel(model);
  const server = await start(
    readConfig({ HILUM_MODEL_URI: model, HILUM_PORT: '0', HILUM_LEDGER_DIR: ledger, HILUM_PAGE: 'off' }),
    { logger: createLogger('silent') },
  );
  await server.ready;
  await mkdir(images);
  for (const level of [40, 60]) {
    const body = new Uint8Array(aSlice(level));
    const answer = await fetch(`${server.url}/v1/classify`, { method: 'POST', body });
    if (!answer.ok) throw new Error(await answer.text());
    await writeFile(join(images, `level-${level}`), body);
  }
  await server.close();
}, 120_000);

afterAll(async () => rm(dir, { recursive: true, force: true }));

async function hilum(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const stdout = { write: (part: string) => (written.out += part) };
  const stderr = { isTTY: false, write: (part: string) => (written.err += part) };
  const code = await runCli(args, { stdout, stderr, signal: new AbortController().signal });
  return { code, ...written };
}

describe('hilum ledger', () => {
  it('verifies what a server wrote', async () => {
    const { code, out } = await hilum('ledger', 'verify', ledger);
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^2 entries in 1 files are right; the last one is \w{64}/),
    ]);
    const { out: json } = await hilum('ledger', 'verify', ledger, '--json');
    const { head } = JSON.parse(json) as { head: { hash: string } };
    expect((await hilum('ledger', 'verify', ledger, '--anchor', head.hash)).code).toBe(0);
    const elsewhere = await hilum('ledger', 'verify', ledger, '--anchor', 'f'.repeat(64));
    expect([elsewhere.code, elsewhere.out]).toEqual([65, expect.stringContaining('ANCHOR_NOT_FOUND')]);
  });

  it('names the first line that was changed, and exits with 65', async () => {
    const copy = join(dir, 'copy');
    await cp(ledger, copy, { recursive: true });
    const name = (await readdir(copy)).find((file) => file.endsWith('.ndjson')) ?? '';
    const text = await readFile(join(copy, name), 'utf8');
    await writeFile(join(copy, name), text.replace('/v1/classify', '/v1/Classify'));
    const { code, out } = await hilum('ledger', 'verify', copy);
    expect([code, out]).toEqual([65, expect.stringContaining(`HASH_WRONG at line 1 of ${name}`)]);
  });

  it('replays what it wrote, bit for bit, and says what it cannot find', async () => {
    const args = ['ledger', 'replay', ledger, '--model', model] as const;
    const all = await hilum(...args, '--inputs', images, '--json');
    expect([all.code, JSON.parse(all.out)]).toMatchObject([0, { counts: { SAME: 2, DIFFERENT: 0 } }]);
    await rm(join(images, 'level-40'));
    const some = await hilum(...args, '--inputs', images);
    expect(some.code).toBe(69);
    expect(some.out).toContain('no file of the folder has the sha256 of the input (entries 1)');
  });

  it('says how it is called, and that there is no ledger', async () => {
    expect((await hilum('ledger')).code).toBe(64);
    expect((await hilum('ledger', 'polish', ledger)).code).toBe(64);
    expect((await hilum('ledger', 'replay', ledger)).err).toContain('--inputs is missing');
    const nothing = await hilum('ledger', 'verify', join(dir, 'nothing'));
    expect([nothing.code, nothing.err]).toEqual([69, expect.stringContaining('LEDGER_UNUSABLE')]);
  });
});

function aSlice(level: number): Uint8Array {
  const [rows, columns] = [64, 64];
  return writeCtSlice({
    rows,
    columns,
    hu: Array.from({ length: rows * columns }, (_, at) => (at % columns < 40 ? -850 : level)),
    patientId: 'TEST-1',
    instance: 1,
    position: [0, 0, 0],
    pixelSpacing: [1, 1],
    sliceThickness: 1,
  });
}

async function writeModel(path: string): Promise<void> {
  const tf = await loadEngine();
  const weights = await readBaseWeights(await baseWeightsPath());
  const shape = { inputSize: 32, cut: 'head' } as const;
  const frozen = buildFrozen(tf, weights, shape);
  const tail = buildTail(tf, weights, { ...shape, classes: 2, headUnits: 8, dropout: 0, seed: 1 });
  const whole = joinModel(tf, frozen, tail);
  await writePackage(path, tf, whole, {
    labels: ['benign', 'malignant'],
    positiveLabel: 'malignant',
    contract: contractSchema.parse({ ...defaultContract('hu', 32), domain: 'any' }),
    metrics: {},
    baseWeightsSha256: BASE_WEIGHTS_SHA256,
    createdAt: '2026-01-02T03:04:05.000Z',
  });
  for (const part of [frozen, tail, whole]) part.dispose();
}
