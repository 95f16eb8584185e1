import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { run } from '@hilum/hack';
import { describe, expect, test } from 'vitest';
import type { Finding } from '../src/index.ts';
import { newUid, writeCtSlice, writeFindingReport } from '../src/index.ts';
import { writePart10 } from '../src/report/part10.ts';
import { aSlice, edit, text, us } from './edit-dicom.ts';
import { aFinding, aRefusal, aStamp, factsOf, reader } from './report/fixtures.ts';

const PATIENT_NAME = 0x0010_0010;
const CHARACTER_SET = 0x0008_0005;

const report = async (source: Uint8Array, finding: Finding = aFinding()) =>
  reader(await writeFindingReport(finding, source, aStamp()));

/** A source whose patient's name is these bytes under these character sets. */
const named = (name: Uint8Array | string, sets: string): Uint8Array =>
  edit(aSlice(), {
    [CHARACTER_SET]: text('CS', sets),
    [PATIENT_NAME]: { vr: 'PN', value: even(typeof name === 'string' ? Buffer.from(name, 'latin1') : name) },
  });

const even = (bytes: Uint8Array) =>
  bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(' ')]);

describe('a report belongs to the study of its source', () => {
  test('patient and study are repeated; series and instance are new', async () => {
    const source = aSlice({ patientId: 'A-77', patientName: 'Doe^Jane', studyDate: '20260102' });
    const { text: read } = await report(source, aFinding({}, factsOf(source)));
    const from = reader(source).text;
    for (const tag of ['x00100010', 'x00100020', 'x0020000d', 'x00080020', 'x00200010']) {
      expect(read(tag), tag).toBe(from(tag));
    }
    expect([read('x0020000e'), read('x00080018')]).toEqual(['2.25.1', '2.25.2']);
    expect(read('x00020003')).toBe('2.25.2');
  });

  test('what a study leaves empty stays empty, and what is no date or sex is not repeated', async () => {
    const source = edit(aSlice(), {
      0x0008_0020: text('DA', 'yesterday!'),
      0x0008_0030: text('TM', '10:11:12'),
      0x0010_0030: text('DA', '1961.05.04'),
      0x0010_0040: text('CS', 'FEMALE'),
      0x0008_0050: undefined,
    });
    const { text: read } = await report(source);
    expect(read('x00080020')).toBe('');
    expect(read('x00080030')).toBe('101112');
    expect(read('x00100030')).toBe('19610504');
    expect(read('x00100040')).toBe('');
    expect(read('x00080050')).toBe('');
  });

  test('a description of 60 kB is cut, and stays text', async () => {
    const long = { vr: 'LO', value: Buffer.alloc(60_000, 0xe9) };
    const { text: read, data } = await report(
      edit(aSlice(), { [CHARACTER_SET]: text('CS', 'ISO_IR 100'), 0x0008_1030: long }),
    );
    expect(read('x00081030')).toBe('é'.repeat(4096));
    expect(data.elements['x00081030']?.vr).toBe('LO');
  });

  test('of another study it is not written, as it would enter the record of another patient', async () => {
    const other = factsOf(aSlice({ patientId: 'P2' }));
    const error: unknown = await writeFindingReport(aFinding({}, other), aSlice(), aStamp()).catch(
      (e: unknown) => e,
    );
    expect(error).toEqual(new TypeError('the finding and the source are of two studies'));
  });

  test('a source that is no DICOM file, is cut or names no study is refused', async () => {
    for (const [bytes, code] of [
      [new Uint8Array(200), 'NOT_AN_IMAGE'],
      [aSlice().subarray(0, 500), 'TRUNCATED'],
      [edit(aSlice(), { 0x0020_000d: undefined }), 'CORRUPT'],
      [edit(aSlice(), { 0x0008_0018: text('UI', 'none') }), 'CORRUPT'],
    ] as const) {
      await expect(writeFindingReport(aFinding(), bytes, aStamp())).rejects.toMatchObject({ code });
    }
  });

  test('times are in the time zone that the study names', async () => {
    const { text: read } = await report(edit(aSlice(), { 0x0008_0201: text('SH', '-0330') }));
    expect([read('x00080023'), read('x00080033'), read('x00080201')]).toEqual([
      '20261124',
      '053807',
      '-0330',
    ]);
  });

  test('a de-identified study is reported as one', async () => {
    const { text: read } = await report(
      edit(aSlice(), { 0x0012_0062: text('CS', 'YES'), 0x0012_0063: text('LO', 'basic profile') }),
    );
    expect([read('x00120062'), read('x00120063')]).toEqual(['YES', 'basic profile']);
  });
});

describe('a name survives from every character set', () => {
  test.each([
    ['undeclared ASCII', '', 'Doe^Jane', 'Doe^Jane'],
    ['undeclared Latin-1', '', 'M\u00FCller^J\u00FCrgen', 'Müller^Jürgen'],
    ['undeclared UTF-8', '', Buffer.from('Müller^Jürgen'), 'Müller^Jürgen'],
    ['Latin-1', 'ISO_IR 100', 'Buc^J\u00E9r\u00F4me', 'Buc^Jérôme'],
    ['UTF-8', 'ISO_IR 192', Buffer.from('Wang^XiaoDong=王^小东'), 'Wang^XiaoDong=王^小东'],
    ['Cyrillic', 'ISO_IR 144', '\u00BB\u00EE\u00DA', 'Люк'],
    ['Greek', 'ISO_IR 126', '\u00C4\u00E9\u00EF\u00ED', 'Διον'],
    ['GB 18030', 'GB18030', Buffer.from('57616e673dcdf55ed0a1b6ab', 'hex'), 'Wang=王^小东'],
    // The examples of PS3.5 H.3.1 and I.2: Yamada Tarou and Hong Gildong.
    [
      'Japanese of ISO 2022',
      '\\ISO 2022 IR 87',
      'Yamada^Tarou=\u001B$B;3ED\u001B(B^\u001B$BB@O:\u001B(B=\u001B$B$d$^$@\u001B(B^\u001B$B$?$m$&\u001B(B',
      'Yamada^Tarou=山田^太郎=やまだ^たろう',
    ],
    [
      'Korean of ISO 2022',
      '\\ISO 2022 IR 149',
      'Hong^Gildong=\u001B$)C\u00FB\u00F3^\u001B$)C\u00D1\u00CE\u00D4\u00D7=\u001B$)C\u00C8\u00AB^\u001B$)C\u00B1\u00E6\u00B5\u00BF',
      'Hong^Gildong=洪^吉洞=홍^길동',
    ],
    ['a set that does not exist', 'ISO_IR 999', 'M\u00FCller', 'Müller'],
  ])('%s', async (_what, sets, bytes, name) => {
    const { text: read } = await report(named(bytes, sets));
    expect(read('x00100010')).toBe(name);
    expect(read('x00080005')).toBe('ISO_IR 192');
  });

  test('what no set can read becomes a mark, not an error', async () => {
    const { text: read } = await report(named('A\u00FF\u00FEB', 'ISO_IR 192'));
    expect(read('x00100010')).toBe('A\uFFFD\uFFFDB');
  });
});

/** The UID of the device that speaks in a report by the model of this digest. */
const deviceOf = async (digest: string) => {
  const bytes = await writeFindingReport(
    aFinding({ algorithm: { name: 'm', version: '1', digest } }),
    aSlice(),
    aStamp(),
  );
  const written = Buffer.from(bytes).toString('latin1');
  return /2\.25\.\d{20,39}/.exec(written.slice(written.indexOf('Device Observer UID')))?.[0];
};

describe('what a report says', () => {
  test('research use only, unverified and preliminary, in the series list too', async () => {
    const { text: read } = await report(aSlice());
    expect(read('x0008103e')).toBe('RESEARCH USE ONLY - AI finding');
    expect([read('x0040a491'), read('x0040a493'), read('x0040a496')]).toEqual([
      'COMPLETE',
      'UNVERIFIED',
      'PRELIMINARY',
    ]);
  });

  test('a refusal is a partial report', async () => {
    const { text: read } = await report(aSlice(), aRefusal());
    expect([read('x0040a491'), read('x0008103e')]).toEqual(['PARTIAL', 'RESEARCH USE ONLY - AI refusal']);
  });

  test('the same model is the same device, another model another', async () => {
    const [one, two] = [`sha256:${'ab'.repeat(32)}`, `sha256:${'cd'.repeat(32)}`];
    expect(await deviceOf(one)).toBe(await deviceOf(one));
    expect(await deviceOf(one)).not.toBe(await deviceOf(two));
  });

  test.each<[string, Partial<ReturnType<typeof aFinding>>]>([
    ['no evidence', { evidence: [] }],
    ['a probability over 1', { probability: 1.1, probabilities: { malignant: 1.1 } }],
    [
      'a probability that is no number',
      { probability: Number.NaN, probabilities: { malignant: Number.NaN } },
    ],
    ['a probability of another label', { positiveLabel: 'benign' }],
    ['a label without probability', { label: 'cyst' }],
    ['a deciding slice that was not read', { deciding: { ...factsOf(aSlice()), instanceUid: '1.2' } }],
  ])('a finding with %s is a bug, and throws', async (_what, over) => {
    await expect(writeFindingReport(aFinding(over), aSlice(), aStamp())).rejects.toThrow(TypeError);
  });

  test('the same finding gives the same bytes', async () => {
    const once = await writeFindingReport(aFinding(), aSlice(), aStamp());
    const again = await writeFindingReport(aFinding(), aSlice(), aStamp());
    expect(Buffer.from(once).equals(again)).toBe(true);
  });
});

test('what dcmjs cannot write ends in words without values', async () => {
  const broken = {
    SOPClassUID: '1.2',
    get PatientName(): string {
      throw new Error('cannot write Secret^Name');
    },
  };
  const error: unknown = await writePart10(broken).catch((thrown: unknown) => thrown);
  expect(inspect(error)).toContain('cannot write this data set');
  expect(inspect(error)).not.toContain('Secret');
});

test('a new UID is a UUID under 2.25, and never the same', () => {
  const uids = Array.from({ length: 100 }, newUid);
  expect(new Set(uids).size).toBe(100);
  for (const uid of uids) expect(uid).toMatch(/^2\.25\.[1-9]\d{30,38}$/);
});

test('dcmjs is loaded by the first report only, and prints nothing of private or broken elements', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hilum-report-'));
  try {
    const file = join(folder, 'source.dcm');
    const source = edit(writeCtSlice({ ...plain, patientName: `${'Long'.repeat(40)}^Name` }), {
      0x0009_0010: text('LO', 'SECRETS 1.0'),
      0x0009_1001: text('LO', 'Secret^Name'),
      0x0009_1003: us(7),
      0x0028_2110: text('CS', '01'),
      // dcmjs warns of it, with the value.
      0x0028_2114: text('CS', 'SECRET-METHOD-OVER-SIXTEEN'),
    });
    await writeFile(file, source);
    const { stdout, stderr } = await run(process.execPath, [
      fileURLToPath(new URL('report/quiet.ts', import.meta.url)),
      file,
    ]);
    expect(stdout + stderr).toBe('');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

const plain = {
  rows: 4,
  columns: 4,
  hu: Array.from({ length: 16 }, () => 0),
  patientId: 'P1',
  instance: 1,
  position: [0, 0, 0] as const,
  pixelSpacing: [1, 1] as const,
  sliceThickness: 1,
};
