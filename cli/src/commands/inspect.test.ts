import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { closeDecoders, writeCtSlice } from '@hilum/imaging';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli.ts';
import type { Inspected } from './inspect-facts.ts';

const data = resolve(import.meta.dirname, '../../..', process.env['HILUM_DATA'] ?? '../shared/data');
const noData = existsSync(data) ? false : 'no data: set HILUM_DATA to the folder of real images';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hilum-inspect-'));
});

afterAll(async () => {
  await closeDecoders();
  await rm(dir, { recursive: true, force: true });
});

function terminal() {
  const written = { out: '', err: '' };
  const stdout = { write: (part: string) => (written.out += part) };
  const stderr = { isTTY: false, write: (part: string) => (written.err += part) };
  const stop = new AbortController();
  return { io: { stdout, stderr, signal: stop.signal }, stop, written };
}

async function inspectJson(...inputs: readonly string[]) {
  const { io, written } = terminal();
  const exit = await runCli(['inspect', '--json', ...inputs], io);
  const lines = written.out.trim().split('\n');
  return { exit, files: lines.map((line) => JSON.parse(line) as Inspected) };
}

async function inspectText(...inputs: readonly string[]) {
  const { io, written } = terminal();
  const exit = await runCli(['inspect', ...inputs], io);
  return { exit, text: written.out, complaint: written.err };
}

describe.skipIf(noData)(`hilum inspect on real files ${noData || ''}`, () => {
  it('gives every file its stored values, as pydicom has them, or its refusal', async () => {
    const { exit, files } = await inspectJson(join(data, 'dicom'));
    expect(exit).toBe(1);
    const table = readFileSync(join(data, 'dicom/expected-pixels.csv'), 'utf8').trim().split('\n').slice(1);
    const expected = new Map(table.map((line) => [line.split(',')[0], line.split(',')[18]]));
    const path = (file: string) => relative(join(data, 'dicom'), file);
    // Lossy by one grey level at most; the test of conformance measures it.
    const lossy = 'transfer-syntaxes/CTImage_jpeg-baseline8_4.50.dcm';
    const decoded = files.filter((file) => file.storedSha256 !== undefined && path(file.file) !== lossy);
    expect(decoded).toHaveLength(38);
    expect(decoded.map(({ file, storedSha256 }) => [path(file), storedSha256])).toEqual(
      decoded.map(({ file }) => [path(file), expected.get(`dicom/${path(file)}`)]),
    );
    const codes = files
      .filter(({ file, refusal }) => refusal !== undefined && !file.includes('CTImage'))
      .map(({ file, refusal }) => `${path(file)} ${refusal?.code}`);
    expect(codes.toSorted()).toEqual([
      'expected-pixels.csv NOT_AN_IMAGE',
      'out-of-domain/CT2_head_j2k-lossless_4.90.dcm NOT_CHEST',
      'transfer-syntaxes/CT1_j2k_4.91.dcm LOSSY_TOO_STRONG',
      'transfer-syntaxes/MR_small_j2k-lossless_4.90.dcm NOT_CT',
      'traps/J2K_pixelrep_mismatch.dcm NOT_CHEST',
      'traps/JPEG2000-embedded-sequence-delimiter.dcm NOT_CT',
      'traps/MR_truncated.dcm NOT_CT',
      'traps/SC_rgb_rle_2frame.dcm NOT_CT',
      'traps/badVR.dcm CORRUPT',
      'traps/bad_sequence.dcm NOT_CHEST',
      'traps/image_dfl.dcm NOT_CT',
      'traps/no_meta.dcm NOT_AN_IMAGE',
      'traps/rtstruct.dcm NOT_AN_IMAGE',
    ]);
  });

  it('puts the slices of a series in their order, whatever their instance numbers say', async () => {
    const { exit, files } = await inspectJson(join(data, 'dicom/series-LungFCP-01-0001'));
    expect(exit).toBe(0);
    expect(files.map(({ series }) => series?.slice)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    expect(files.map(({ file }) => file.slice(-7, -4))).toEqual(
      Array.from({ length: 20 }, (_, at) => `0${43 - at}`),
    );
    expect(files[0]?.series).toMatchObject({
      slices: 20,
      positionMm: 49.5,
      spacingMm: 1,
      sliceThicknessMm: 2,
      plane: 'axial',
      warnings: [],
    });
  });

  it('tells a person the same in a block', async () => {
    const { exit, text } = await inspectText(join(data, 'dicom/series-LungFCP-01-0001'));
    expect(exit).toBe(0);
    expect(text).toMatch(/^Series 1: CT, axial, th ct chest wo c\n/);
    expect(text).toMatch(
      /slices +20, every 1 mm, from 49\.5 to 68\.5 mm, 2 mm thick, instance numbers run against/,
    );
    expect(text).toMatch(/lungs +on 20 of 20 files\n/);
    expect(text).toMatch(/verdict +can be classified\n/);
    expect(text).toContain('Research use only, not for diagnosis.');
  });
});

describe('hilum inspect', () => {
  it('passes over slices without lung in a series that shows lungs, and refuses them alone', async () => {
    const folder = join(dir, 'chest');
    await mkdir(folder);
    for (const [at, lungs] of [true, true, false].entries()) {
      await writeFile(join(folder, `${at}.dcm`), aSlice(at, lungs));
    }
    const together = await inspectJson(folder);
    expect(together.exit).toBe(0);
    expect(together.files.map(({ lungFraction }) => (lungFraction ?? 0) > 0)).toEqual([true, true, false]);
    const alone = await inspectJson(join(folder, '2.dcm'));
    expect(alone.exit).toBe(1);
    expect(alone.files[0]?.refusal?.code).toBe('NOT_CHEST');
  });

  it('names what is missing in a series', async () => {
    const folder = join(dir, 'gap');
    await mkdir(folder);
    for (const at of [0, 1, 2, 4, 5]) await writeFile(join(folder, `${at}.dcm`), aSlice(at, true));
    const { exit, files } = await inspectJson(folder);
    expect(exit).toBe(1);
    expect(files).toHaveLength(5);
    for (const { series } of files) expect(series?.refusal?.code).toBe('SERIES_GAP');
    expect((await inspectText(folder)).text).toMatch(/verdict +refused, SERIES_GAP: /);
  });

  it('goes on behind a file that is no image, a link, and a picture that is no CT', async () => {
    const folder = join(dir, 'mixed');
    await mkdir(folder);
    await writeFile(join(folder, 'a.txt'), 'notes');
    await symlink(join(folder, 'a.txt'), join(folder, 'b.dcm'));
    await writeFile(join(folder, 'c.png'), bluePng());
    await writeFile(join(folder, 'd.dcm'), aSlice(0, true));
    const { exit, files } = await inspectJson(folder);
    expect(exit).toBe(1);
    expect(
      Object.fromEntries(files.map(({ file, refusal }) => [relative(folder, file), refusal?.code])),
    ).toEqual({
      'a.txt': 'NOT_AN_IMAGE',
      'b.dcm': 'NOT_A_FILE',
      'c.png': 'OUT_OF_DOMAIN',
      'd.dcm': undefined,
    });
    const { text } = await inspectText(folder);
    expect(text).toMatch(/Series 1: CT/);
    expect(text).toMatch(/Other files\n/);
  });

  it('lets neither a header nor a file name speak to the terminal', async () => {
    const folder = join(dir, 'escapes');
    await mkdir(folder);
    const slice = Buffer.from(aSlice(0, true));
    slice.write('\u001B[31m!', slice.indexOf('CHEST '), 'latin1');
    await writeFile(join(folder, 'a.dcm'), slice);
    await writeFile(join(folder, 'b\u001B[2J\n.txt'), 'notes');
    const { text } = await inspectText(folder);
    expect(text).toMatch(/^Series 1: CT, axial, \uFFFD\[31m!\n/);
    expect(text).toContain('b\uFFFD[2J\uFFFD.txt');
    expect(text).not.toContain('\u001B');
  });

  it.each([
    ['nothing named', [], 64, 'name at least one file or folder'],
    ['what is not there', ['absent.dcm'], 65, 'FILE_UNREADABLE: absent.dcm cannot be read (ENOENT)'],
  ])('ends with a code on %s', async (_, inputs, exit, words) => {
    const result = await inspectText(...inputs);
    expect(result.exit).toBe(exit);
    expect(result.complaint).toContain(words);
  });

  it('ends with 65 on an empty folder', async () => {
    const folder = join(dir, 'empty');
    await mkdir(folder);
    const { exit, complaint } = await inspectText(folder);
    expect(exit).toBe(65);
    expect(complaint).toContain('NOTHING_TO_READ');
  });

  it('ends when it is told to', async () => {
    const { io, stop, written } = terminal();
    stop.abort(Object.assign(new Error('told to end'), { exitCode: 130 }));
    expect(await runCli(['inspect', dir], io)).toBe(130);
    expect(written.out).toBe('');
  });
});

/** 128 × 128 at 3 mm: a body of soft tissue in air, with two lungs or without. */
function aSlice(at: number, lungs: boolean): Uint8Array {
  const size = 128;
  const hu = Array.from({ length: size * size }, (_, pixel) => {
    const x = (pixel % size) - 63.5;
    const y = Math.floor(pixel / size) - 63.5;
    if (lungs && Math.min(((x - 22) / 16) ** 2, ((x + 22) / 16) ** 2) + (y / 28) ** 2 < 1) return -850;
    return (x / 55) ** 2 + (y / 40) ** 2 < 1 ? 40 : -1000;
  });
  return writeCtSlice({
    rows: size,
    columns: size,
    hu,
    patientId: 'P1',
    instance: at + 1,
    position: [-192, -192, at * 5],
    pixelSpacing: [3, 3],
    sliceThickness: 5,
  });
}

/** 16 × 16 pixels of one blue. */
function bluePng(): Uint8Array {
  return Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAGUlEQVQokWMQ0ThBEmIY1aAxGkoi' +
      'wzVpAACGUwQQIewSVwAAAABJRU5ErkJggg==',
    'base64',
  );
}
