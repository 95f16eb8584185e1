import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeCtSlice } from '@hilum/imaging';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../cli.ts';

const data = resolve(import.meta.dirname, '../../..', process.env['HILUM_DATA'] ?? '../shared/data', 'dicom');
const KEY = `${'0123456789abcdef'.repeat(4)}\n`;
const NAME = 'Doe^John';
const ID = 'MRN-4711';

let dir: string;
let input: string;
let out: string;
let key: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hilum-deidentify-'));
  [input, out, key] = [join(dir, 'in'), join(dir, 'out'), join(dir, 'key')];
  await mkdir(join(input, 'DOE_JOHN', 'CT'), { recursive: true });
  await writeFile(join(input, 'DOE_JOHN', 'CT', 'doe1.dcm'), aSlice(1));
  await writeFile(join(input, 'DOE_JOHN', 'CT', 'doe2.dcm'), aSlice(2));
  await writeFile(key, KEY, { mode: 0o600 });
});
afterEach(async () => rm(dir, { recursive: true, force: true }));

describe('hilum deidentify', () => {
  it('writes a folder anew: no name in a file, of a file or of a folder, and none on the screen', async () => {
    const { code, text } = await call(input, '--out', out, '--key-file', key);
    expect(code).toBe(0);
    const files = await filesOf(out);
    expect(files).toHaveLength(2);
    for (const file of files) {
      expect(file).toMatch(/^[a-z2-7]{8}\/[a-z2-7]{8}\/2\.25\.\d+\.dcm$/);
      const bytes = await readFile(join(out, file), 'latin1');
      expect(bytes).toContain(file.slice(18, -4));
      expect(bytes).not.toMatch(/Doe|MRN/);
    }
    expect(text).toMatch(/written +2\n/);
    expect(text).toContain('Research use only');
    expect(text).not.toMatch(/Doe|MRN|2026/);
    expect(await readFile(join(input, 'DOE_JOHN', 'CT', 'doe1.dcm'))).toEqual(Buffer.from(aSlice(1)));
  });

  it('makes a key for its owner alone, once, and gives the same files for the same key', async () => {
    const fresh = join(dir, 'fresh');
    expect((await call(input, '--out', out, '--new-key', fresh)).code).toBe(0);
    expect((await stat(fresh)).mode & 0o777).toBe(0o600);
    expect(await readFile(fresh, 'utf8')).toMatch(/^[\da-f]{64}\n$/);
    const again = join(dir, 'again');
    expect((await call(input, '--out', again, '--key-file', fresh)).code).toBe(0);
    expect(await filesOf(again)).toEqual(await filesOf(out));
    const other = join(dir, 'other');
    expect((await call(input, '--out', other, '--key-file', key)).code).toBe(0);
    expect(await filesOf(other)).not.toEqual(await filesOf(out));
    const refused = await call(input, '--out', again, '--new-key', fresh);
    expect([refused.code, refused.text]).toEqual([64, expect.stringContaining('is there already')]);
  });

  it('prints one JSON object a line: paths as given, counts, tags, codes', async () => {
    await writeFile(join(input, 'notes.txt'), 'John Doe, MRN-4711');
    await writeFile(join(input, 'screen.dcm'), aSlice(3, 'Dose Report'));
    const { code, lines } = await call(input, '--out', out, '--key-file', key, '--json');
    expect(code).toBe(1);
    expect(lines.map(({ file }) => file)).toEqual([
      'DOE_JOHN/CT/doe1.dcm',
      'DOE_JOHN/CT/doe2.dcm',
      'notes.txt',
      'screen.dcm',
    ]);
    expect(lines.map(({ refusal }) => refusal?.code)).toEqual([
      undefined,
      undefined,
      'NOT_AN_IMAGE',
      'BURNED_IN_SUSPECTED',
    ]);
    expect(lines[3]?.report?.burnedIn).toEqual({ suspected: true, reasons: ['DOSE_REPORT'] });
    expect(lines[0]?.report?.tags).toContainEqual({
      tag: '(0010,0010)',
      keyword: 'PatientName',
      action: 'pseudonym',
      count: 1,
    });
    expect(await filesOf(out)).toEqual(expect.arrayContaining([lines[0]?.out, lines[1]?.out]));
  });

  it('lets a suspicion pass with --burned-in flag, and keeps the names of folders where asked', async () => {
    await writeFile(join(input, 'screen.dcm'), aSlice(3, 'Dose Report'));
    const args = [input, '--out', out, '--key-file', key, '--burned-in', 'flag', '--keep-folder-names'];
    const { code, text } = await call(...args);
    expect(code).toBe(0);
    expect(text).toMatch(/suspicion of text in the pixels +1\n/);
    expect((await filesOf(out)).filter((file) => file.startsWith('DOE_JOHN/CT/2.25.'))).toHaveLength(2);
  });

  it('takes one file, and never replaces one: the same bytes are fine, others are refused', async () => {
    const one = join(input, 'DOE_JOHN', 'CT', 'doe1.dcm');
    expect((await call(one, '--out', out, '--key-file', key)).code).toBe(0);
    expect((await call(one, '--out', out, '--key-file', key)).code).toBe(0);
    const before = await filesOf(out);
    expect(before).toEqual([expect.stringMatching(/^2\.25\.\d+\.dcm$/)]);
    const { code, lines } = await call(
      one,
      '--out',
      out,
      '--key-file',
      key,
      '--patient-prefix',
      'X',
      '--json',
    );
    expect([code, lines[0]?.refusal?.code]).toEqual([1, 'OUTPUT_EXISTS']);
    expect(await filesOf(out)).toEqual(before);
  });

  it('does not follow links out of the folder', async () => {
    await symlink(join(input, 'DOE_JOHN', 'CT', 'doe1.dcm'), join(input, 'link.dcm'));
    const { code, lines } = await call(input, '--out', out, '--key-file', key, '--json');
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatchObject({ file: 'link.dcm', refusal: { code: 'NOT_A_FILE' } });
  });

  it('warns of a key that others may read', async () => {
    await writeFile(join(dir, 'open'), KEY, { mode: 0o644 });
    expect((await call(input, '--out', out, '--key-file', join(dir, 'open'))).text).toContain('chmod 600');
  });

  it.each<readonly [string, number, RegExp, () => readonly string[]]>([
    ['nothing to read', 64, /name one file/, () => ['--key-file', key]],
    ['no key', 64, /--key-file FILE, or --new-key/, () => [input]],
    [
      'two keys',
      64,
      /--key-file FILE, or --new-key/,
      () => [input, '--key-file', key, '--new-key', `${key}2`],
    ],
    ['a key that is not there', 64, /cannot be read \(ENOENT\)/, () => [input, '--key-file', `${key}2`]],
    ['a key that is none', 64, /holds no key/, () => [input, '--key-file', import.meta.filename]],
    [
      'a prefix that is none',
      64,
      /--patient-prefix has/,
      () => [input, '--key-file', key, '--patient-prefix', 'a b'],
    ],
    ['another word', 64, /--burned-in is one of/, () => [input, '--key-file', key, '--burned-in', 'mend']],
    [
      'out in the folder that is read',
      64,
      /--out lies inside/,
      () => [input, '--key-file', key, '--out', join(input, 'x')],
    ],
    ['a path that is not there', 65, /FILE_UNREADABLE/, () => [`${input}2`, '--key-file', key]],
    ['a place that is no folder', 69, /OUTPUT_UNWRITABLE/, () => [input, '--key-file', key, '--out', key]],
  ])('ends with a code of its own for %s', async (_, want, message, args) => {
    const { code, text } = await call(...args());
    expect(code).toBe(want);
    expect(text).toMatch(message);
  });

  it('says so where a folder holds no file', async () => {
    await mkdir(join(dir, 'empty'));
    const { code, text } = await call(join(dir, 'empty'), '--key-file', key, '--out', out);
    expect([code, text]).toEqual([65, expect.stringContaining('NOTHING_TO_READ')]);
  });

  it.skipIf(!existsSync(data))('prints no value of real files, written or refused', async () => {
    for (const json of [[], ['--json']]) {
      const { code, text } = await call(data, '--out', join(dir, String(json)), '--key-file', key, ...json);
      expect(code).toBe(1);
      expect(text).toContain('TRUNCATED');
      // Names, ids, institutions and UID roots of the files there; the name of the folder is the caller's own.
      const values = /Compressed|MISTER|Lestrade|JXD19|LungFCP|JFK|1\.3\.6\.1|1\.2\.840\.113|GE MEDICAL/;
      expect(values.exec(text.replaceAll('series-LungFCP-01-0001/', ''))?.[0]).toBeUndefined();
    }
    const files = await filesOf(dir);
    expect(files.filter((file) => file.endsWith('.partial'))).toEqual([]);
    expect(files.length).toBeGreaterThan(60);
  });
});

interface Line {
  readonly file: string;
  readonly out?: string;
  readonly report?: { readonly burnedIn: unknown; readonly tags: readonly unknown[] };
  readonly refusal?: { readonly code: string };
}

async function call(...args: readonly string[]) {
  const written = { out: '', err: '' };
  const code = await runCli(['deidentify', ...args], {
    stdout: { write: (part: string) => (written.out += part) },
    stderr: { isTTY: false, write: (part: string) => (written.err += part) },
    signal: new AbortController().signal,
  });
  const lines = args.includes('--json') ? written.out.trim().split('\n') : [];
  return { code, text: written.out + written.err, lines: lines.map((line) => JSON.parse(line) as Line) };
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)).toSorted();
}

function aSlice(instance: number, seriesDescription = 'Axial'): Uint8Array {
  return writeCtSlice({
    rows: 4,
    columns: 4,
    hu: Array.from({ length: 16 }, (_, at) => at - 1024),
    patientId: ID,
    patientName: NAME,
    studyDate: '20260102',
    seriesDescription,
    instance,
    position: [0, 0, instance],
    pixelSpacing: [1, 1],
    sliceThickness: 1,
  });
}
