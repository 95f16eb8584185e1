import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { defaultContract, writeCtSlice } from '@hilum/imaging';
import {
  BASE_WEIGHTS_SHA256,
  buildFrozen,
  buildTail,
  joinModel,
  loadEngine,
  readBaseWeights,
  writePackage,
} from '@hilum/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli.ts';

let dir: string;
let slice: string;
let text: string;
let water: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hilum-cli-'));
  await writeModel(join(dir, 'model'));
  slice = join(dir, 'slice.dcm');
  text = join(dir, 'notes.txt');
  water = join(dir, 'water.dcm');
  await writeFile(
    slice,
    aSlice((column) => (column < 70 ? -850 : 40)),
  );
  await writeFile(
    water,
    aSlice(() => 0),
  );
  await writeFile(text, 'no image');
});

afterAll(async () => rm(dir, { recursive: true, force: true }));

function terminal() {
  const written = { out: '', err: '' };
  const stdout = { write: (part: string) => (written.out += part) };
  const stderr = { isTTY: false, write: (part: string) => (written.err += part) };
  const stop = new AbortController();
  return { io: { stdout, stderr, signal: stop.signal }, stop: () => stop.abort(new Error('told')), written };
}

interface Output {
  results: { file: string; label?: string; error?: { code: string } }[];
  notice: string;
}

describe('hilum classify', () => {
  it('answers by a package alone, file by file, and exits with 1 when one was refused', async () => {
    const { io, written } = terminal();
    const files = [slice, text, water, join(dir, 'absent.png')];
    expect(await runCli(['classify', '--json', '--model', join(dir, 'model'), ...files], io)).toBe(1);
    const { results, notice } = JSON.parse(written.out) as Output;
    expect(results.map(({ file }) => file)).toEqual(files);
    expect(results.map(({ label, error }) => label ?? error?.code)).toEqual([
      expect.stringMatching(/^(benign|malignant)$/),
      'NOT_AN_IMAGE',
      // No lung is seen in it, and the model is one of chest slices.
      'NOT_CHEST',
      'FILE_UNREADABLE',
    ]);
    expect(notice).toBe('Research use only, not for diagnosis.');
  });

  it('asks the service that hilum serve started, which ends with 0 when told to', async () => {
    const server = terminal();
    const served = runCli(['serve', '--model', join(dir, 'model'), '--port', '0', '--json'], server.io);
    while (server.written.out === '') await new Promise((resolve) => setTimeout(resolve, 20));
    const { url } = JSON.parse(server.written.out) as { url: string };
    const { io, written } = terminal();
    expect(await runCli(['classify', '--url', url, slice], io)).toBe(0);
    expect(written.out).toMatch(/^FILE .*\nslice\.dcm +(benign|malignant) +0\.\d{4} +model +\d+ ms\n/);
    expect(written.out).toContain('Research use only, not for diagnosis.');
    server.stop();
    expect(await served).toBe(0);
  });

  it.each([
    ['no file', ['classify'], 64, 'name at least one file'],
    [
      'a service and a package',
      ['classify', 'a', '--url', 'http://x', '--model', 'y'],
      64,
      'give one of them',
    ],
    ['an address that is none', ['classify', import.meta.filename, '--url', 'x'], 64, '--url is an address'],
    [
      'nobody there',
      ['classify', import.meta.filename, '--url', 'http://127.0.0.1:9'],
      69,
      'no answer from http',
    ],
    ['a package that is none', ['classify', 'a', '--model', '/nowhere'], 65, 'PACKAGE_INCOMPLETE'],
    [
      'a model that is named wrongly',
      ['serve', '--model', 'models:/x'],
      64,
      '--model: a registry model is written',
    ],
    [
      'a package that cannot be served',
      ['serve', '--model', '/nowhere', '--port', '0'],
      65,
      'PACKAGE_INCOMPLETE',
    ],
  ])('exits with a code of its own for %s', async (_, args, code, message) => {
    const { io, written } = terminal();
    expect(await runCli(args, io)).toBe(code);
    expect(written.err).toContain(message);
  });
});

async function writeModel(place: string): Promise<void> {
  const tf = await loadEngine();
  const weights = await readBaseWeights(await baseWeightsPath());
  const shape = { inputSize: 64, cut: 'head' } as const;
  const frozen = buildFrozen(tf, weights, shape);
  const tail = buildTail(tf, weights, { ...shape, classes: 2, headUnits: 8, dropout: 0, seed: 3 });
  await writePackage(place, tf, joinModel(tf, frozen, tail), {
    labels: ['benign', 'malignant'],
    positiveLabel: 'malignant',
    contract: defaultContract('hu', 64),
    metrics: {},
    baseWeightsSha256: BASE_WEIGHTS_SHA256,
    createdAt: '2026-01-02T03:04:05.000Z',
  });
}

/** HU by column: as if a small field of view lay over lung and chest wall. */
function aSlice(level: (column: number) => number): Uint8Array {
  const [rows, columns] = [96, 96];
  const hu = Array.from({ length: rows * columns }, (_, at) => level(at % columns));
  return writeCtSlice({
    rows,
    columns,
    hu,
    patientId: 'TEST-1',
    instance: 1,
    position: [0, 0, 0],
    pixelSpacing: [1, 1],
    sliceThickness: 1,
  });
}
