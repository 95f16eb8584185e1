import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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
  await writeModel(join(dir, 'unsure'), { 'training/decision.json': Buffer.from(JSON.stringify(UNSURE)) });
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
  results: {
    file: string;
    label?: string;
    series?: { slices: number; deciding: { name: string } } | null;
    error?: { code: string; outcome?: string };
  }[];
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
    // The first is a mistake, the second an answer: this model is not for it.
    expect(results.map(({ error }) => error?.outcome)).toEqual([undefined, undefined, 'refused', undefined]);
    expect(notice).toBe('Research use only, not for diagnosis.');
  });

  it('takes a folder for a series, and says so in words and in JSON', async () => {
    const folder = join(dir, 'series', 'deep');
    await mkdir(folder, { recursive: true });
    for (let at = 1; at <= 4; at += 1) {
      await writeFile(
        join(folder, `${at}.dcm`),
        aSlice((column) => (column < 50 + 5 * at ? -850 : 40), at),
      );
    }
    await writeFile(join(dir, 'series', 'notes.txt'), 'no image');
    const asked = ['--model', join(dir, 'model'), join(dir, 'series'), water];
    const people = terminal();
    expect(await runCli(['classify', ...asked], people.io)).toBe(1);
    expect(people.written.out).toMatch(
      /series +(benign|malignant) .*4 of 4 slices scored, deep\/\d\.dcm decided; left out: 1\n/,
    );
    expect(people.written.out).toMatch(/water\.dcm +refused .*NOT_CHEST: /);
    const machine = terminal();
    await runCli(['classify', '--json', ...asked], machine.io);
    const { results } = JSON.parse(machine.written.out) as Output;
    expect(results[0]?.series?.slices).toBe(4);
    expect(results[0]?.series?.deciding.name).toMatch(/^deep\/\d\.dcm$/);
  });

  it('says in words that the model abstains, and prints no label that it does not stand by', async () => {
    const { io, written } = terminal();
    expect(await runCli(['classify', '--model', join(dir, 'unsure'), slice], io)).toBe(0);
    expect(written.out).toMatch(
      /slice\.dcm +abstained +- +unsure +\d+ ms +The model cannot tell benign from malignant/,
    );
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

const NONE = { notDefined: 'not in this test' };
const LEVEL = { operatingPoint: NONE, temperature: NONE, shortcuts: {}, aucRoc: {} };
const BOTH = { alpha: 0.1, threshold: 1, samples: 9 };

/** No label is ever excluded. */
const UNSURE = {
  version: 1,
  note: 'Research use only, not for diagnosis',
  labels: ['benign', 'malignant'],
  positiveLabel: 'malignant',
  rule: { rule: 'youden' },
  chosenOn: { part: 'validation', images: 9, units: 9, patients: 9 },
  aggregation: { unit: 'mean', patient: { of: 'units', rule: 'max' }, chosenBy: 'request', candidates: [] },
  levels: Object.fromEntries(['image', 'unit', 'patient'].map((at) => [at, { ...LEVEL, conformal: BOTH }])),
};

async function writeModel(place: string, extras: Record<string, Uint8Array> = {}): Promise<void> {
  const tf = await loadEngine();
  const weights = await readBaseWeights(await baseWeightsPath());
  const shape = { inputSize: 64, cut: 'head' } as const;
  const frozen = buildFrozen(tf, weights, shape);
  const tail = buildTail(tf, weights, { ...shape, classes: 2, headUnits: 8, dropout: 0, seed: 3 });
  const metadata = {
    labels: ['benign', 'malignant'],
    positiveLabel: 'malignant',
    contract: defaultContract('hu', 64),
    metrics: {},
    baseWeightsSha256: BASE_WEIGHTS_SHA256,
    createdAt: '2026-01-02T03:04:05.000Z',
  };
  await writePackage(place, tf, joinModel(tf, frozen, tail), metadata, extras);
}

/** HU by column: as if a small field of view lay over lung and chest wall. */
function aSlice(level: (column: number) => number, instance = 1): Uint8Array {
  const [rows, columns] = [96, 96];
  const hu = Array.from({ length: rows * columns }, (_, at) => level(at % columns));
  return writeCtSlice({
    rows,
    columns,
    hu,
    patientId: 'TEST-1',
    instance,
    position: [0, 0, instance],
    pixelSpacing: [1, 1],
    sliceThickness: 1,
  });
}
