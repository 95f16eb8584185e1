import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath } from '@hilum/hack';
import { closeDecoders, decodeImage, defaultContract, writeCtSlice } from '@hilum/imaging';
import {
  BASE_WEIGHTS_SHA256,
  buildFrozen,
  buildTail,
  joinModel,
  loadEngine,
  readBaseWeights,
  writePackage,
} from '@hilum/model';
import { explanationSchema } from '@hilum/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli.ts';

let dir: string;
const at = (name: string): string => join(dir, name);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hilum-explain-'));
  await writeModel(at('model'));
  for (const instance of [1, 2, 3]) await writeFile(at(`${instance}.dcm`), aSlice(instance));
});

afterAll(async () => {
  await closeDecoders();
  await rm(dir, { recursive: true, force: true });
});

async function explain(...args: readonly string[]) {
  const written = { out: '', err: '' };
  const stdout = { write: (part: string) => (written.out += part) };
  const stderr = { isTTY: false, write: (part: string) => (written.err += part) };
  const code = await runCli(['explain', ...args], { stdout, stderr, signal: new AbortController().signal });
  return { code, ...written };
}

describe('hilum explain', () => {
  it('writes the picture of a slice by a package alone, and says what it is not', async () => {
    const { code, out } = await explain(at('1.dcm'), '--model', at('model'), '--out', at('heat.png'));
    expect(code).toBe(0);
    expect(out).toContain('not where a tumour is. Research use only, not for diagnosis.');
    const picture = await decodeImage(await readFile(at('heat.png')));
    // Enlarged, so that its words can be read.
    expect([picture.rows, picture.columns]).toEqual([288, 288]);
  });

  it('writes the numbers of a series, of the slice that decided', async () => {
    const files = [1, 2, 3].map((instance) => at(`${instance}.dcm`));
    const { code } = await explain(
      ...files,
      '--model',
      at('model'),
      '--label',
      'benign',
      '--out',
      at('heat.json'),
    );
    expect(code).toBe(0);
    const said = explanationSchema.parse(JSON.parse(await readFile(at('heat.json'), 'utf8')));
    expect(said).toMatchObject({ label: 'benign', layer: 'block5_pool' });
    expect(said.classification.series?.scored).toBe(3);
    expect(said.classification.series?.deciding.name).toMatch(/^[123]\.dcm$/);
  });

  it('writes a DICOM object, and names it as JSON', async () => {
    const place = at('heat.dcm');
    const { code, out } = await explain(at('1.dcm'), '--model', at('model'), '--out', place, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      out: place,
      notice: expect.stringContaining('not for diagnosis') as unknown,
    });
    const bytes = await readFile(place);
    expect(bytes.subarray(128, 132).toString()).toBe('DICM');
    expect(bytes.includes('1.2.840.10008.5.1.4.1.1.7\0')).toBe(true);
  });

  it.each([
    ['no file', ['--out', 'x.png'], 64, 'name at least one file'],
    ['no place to write', ['a.dcm'], 64, '--out is missing'],
    ['another form', ['a.dcm', '--out', 'x.gif'], 64, '--out is one of .png, .dcm, .json'],
    ['the slice itself', ['a.dcm', '--out', './a.dcm'], 64, 'is one of the files to be explained'],
    ['both ways', ['a', '--out', 'x.png', '--url', 'http://x', '--model', 'y'], 64, 'give one of them'],
    ['a window that there is not', ['a', '--out', 'x.png', '--window', 'bone'], 64, '--window is one of'],
    ['a file that is none', ['/nowhere.dcm', '--out', 'x.png'], 65, 'FILE_UNREADABLE'],
    [
      'nobody there',
      [import.meta.filename, '--out', 'x.png', '--url', 'http://127.0.0.1:9'],
      69,
      'UNREACHABLE',
    ],
  ])('exits with a code of its own for %s', async (_, args, code, message) => {
    const said = await explain(...args);
    expect([said.code, said.err]).toEqual([code, expect.stringContaining(message)]);
  });

  it('refuses a label that the model has not', async () => {
    const args = [at('1.dcm'), '--model', at('model'), '--label', 'unknown', '--out', at('no.png')];
    expect(await explain(...args)).toMatchObject({
      code: 65,
      err: expect.stringContaining('label is one of benign, malignant') as unknown,
    });
  });
});

async function writeModel(place: string): Promise<void> {
  const tf = await loadEngine();
  const weights = await readBaseWeights(await baseWeightsPath());
  const shape = { inputSize: 64, cut: 'head' } as const;
  const [frozen, tail] = [
    buildFrozen(tf, weights, shape),
    buildTail(tf, weights, { ...shape, classes: 2, headUnits: 8, dropout: 0, seed: 3 }),
  ];
  await writePackage(place, tf, joinModel(tf, frozen, tail), {
    labels: ['benign', 'malignant'],
    positiveLabel: 'malignant',
    contract: defaultContract('hu', 64),
    metrics: {},
    baseWeightsSha256: BASE_WEIGHTS_SHA256,
    createdAt: '2026-01-02T03:04:05.000Z',
  });
}

/** A small field of view over lung and chest wall. */
function aSlice(instance: number): Uint8Array {
  const [rows, columns] = [96, 96];
  const hu = Array.from({ length: rows * columns }, (_, place) => (place % columns < 70 ? -850 : 40));
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
