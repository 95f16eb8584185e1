import { describe, expect, it } from 'vitest';
import { readElements } from '../src/deidentify/elements.ts';
import type { Element } from '../src/deidentify/elements.ts';
import { textOf } from '../src/deidentify/rewrite.ts';
import { readPart10 } from '../src/dicom/meta.ts';
import { deidentify } from '../src/index.ts';
import type { DeidentifyOptions } from '../src/index.ts';
import { aFile, CT, INSTANCE } from './deidentify-build.ts';
import type { Part } from './deidentify-build.ts';

const key = new Uint8Array(32).fill(1);
const STUDY = { tag: 0x0020_000d, vr: 'UI', value: '1.2.3.4' };
const PATIENT = { tag: 0x0010_0020, vr: 'LO', value: 'MRN 4711' };
const DATE = { tag: 0x0008_0020, vr: 'DA', value: '20240229' };

describe('a UID', () => {
  it('becomes the same one in every file, in every reference and under no other key', async () => {
    const reference = {
      tag: 0x0008_1140,
      vr: 'SQ',
      value: [[{ tag: 0x0008_1155, vr: 'UI', value: '1.2.3.4' }]],
    };
    const [first, second] = [await root([STUDY]), await root([reference, { ...STUDY, value: '1.2.3.5' }])];
    const study = text(first, STUDY.tag);
    expect(study).toMatch(/^2\.25\.[1-9]\d{30,38}$/);
    expect(text(items(second, 0x0008_1140)[0], 0x0008_1155)).toBe(study);
    expect(text(second, STUDY.tag)).not.toBe(study);
    expect(text(await root([STUDY], { key: new Uint8Array(32).fill(2) }), STUDY.tag)).not.toBe(study);
  });

  it('of the standard stays, and names the instance in the file meta information', async () => {
    const frame = { tag: 0x0020_0052, vr: 'UI', value: '1.2.840.10008.1.4.1.1' };
    const { bytes, report } = await deidentify(aFile([frame]), { key });
    const meta = Buffer.from(bytes ?? '').toString('latin1', 132, 500);
    const elements = elementsOf(bytes);
    expect(text(elements, frame.tag)).toBe(frame.value);
    expect(text(elements, 0x0008_0016)).toBe(CT);
    expect(text(elements, 0x0008_0018)).toBe(report.sopInstanceUid);
    expect(meta).toContain(report.sopInstanceUid);
    expect(meta).not.toContain(INSTANCE);
    expect(meta).not.toContain('SECRET-AE');
  });

  it('under the root of the standard, with a date in it, is one that a device made up: remapped', async () => {
    const frame = { tag: 0x0020_0052, vr: 'UI', value: '1.2.840.10008.20240229.1' };
    expect(text(await root([frame]), frame.tag)).toMatch(/^2\.25\./);
  });
});

describe('a patient', () => {
  it('has one pseudonym, with the prefix that was asked for', async () => {
    const [first, second] = [await root([PATIENT, STUDY]), await root([PATIENT, DATE])];
    expect(text(first, PATIENT.tag)).toMatch(/^HILUM-[A-Z2-7]{16}$/);
    expect(text(second, PATIENT.tag)).toBe(text(first, PATIENT.tag));
    expect(text(first, 0x0010_0010)).toBe(text(first, PATIENT.tag));
    expect(text(await root([PATIENT], { patientIdPrefix: 'S1_' }), PATIENT.tag)).toMatch(/^S1_[A-Z2-7]{16}$/);
    expect(text(await root([{ ...PATIENT, value: 'MRN 4712' }]), PATIENT.tag)).not.toBe(
      text(first, PATIENT.tag),
    );
  });

  it('is not named by a technical text either, but a word that is part of another stays', async () => {
    const parts: readonly Part[] = [
      { tag: 0x0010_0010, vr: 'PN', value: 'Hart^Edith' },
      { tag: 0x0018_1020, vr: 'LO', value: 'v2, checked by EDITH' },
      { tag: 0x0018_1210, vr: 'SH', value: 'CHART' },
      { tag: 0x0008_1090, vr: 'LO', value: 'Model MRN 4711' },
    ];
    for (const syntax of ['explicit', 'implicit'] as const) {
      const { bytes } = await deidentify(aFile([...parts, PATIENT], syntax), { key });
      const output = Buffer.from(bytes ?? '').toString('latin1');
      expect(output).toContain('CHART');
      expect(output).not.toMatch(/edith|4711/i);
    }
  });

  it('without an id is the patient of one study, and of no other', async () => {
    const ids = [STUDY, STUDY, { ...STUDY, value: '1.2.3.9' }].map(async (study) =>
      text(await root([study]), PATIENT.tag),
    );
    const [first, again, other] = await Promise.all(ids);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('keeps age, sex and weight where asked, but is 90 when older, and keeps no words', async () => {
    const parts: readonly Part[] = [
      { tag: 0x0010_1010, vr: 'AS', value: '093Y' },
      { tag: 0x0010_0040, vr: 'CS', value: 'F' },
      { tag: 0x0010_1030, vr: 'DS', value: '61.5' },
      { tag: 0x0010_1020, vr: 'DS', value: 'tall, says Dr No' },
      { tag: 0x0010_2160, vr: 'SH', value: 'Someone' },
    ];
    const tags = parts.map(({ tag }) => tag);
    const kept = await root(parts, { keepPatientCharacteristics: true });
    expect(tags.map((tag) => text(kept, tag))).toEqual(['090Y', 'F', '61.5', '', undefined]);
    const plain = await root(parts);
    expect(tags.map((tag) => text(plain, tag))).toEqual([undefined, '', undefined, undefined, undefined]);
  });
});

describe('dates', () => {
  const moment = { tag: 0x0008_002a, vr: 'DT', value: '20240301101112.5+0100' };
  const time = { tag: 0x0008_0030, vr: 'TM', value: '101112' };

  it('go, or become a dummy where an object must have one', async () => {
    const elements = await root([PATIENT, DATE, moment, time]);
    expect([DATE, moment, time].map(({ tag }) => text(elements, tag))).toEqual(['', '19000101000000', '']);
    expect(text(elements, 0x0028_0303)).toBe('REMOVED');
  });

  it('move by whole days of the patient’s own: what lies between two events stays, and so does the time', async () => {
    const elements = await root([PATIENT, DATE, moment, time], { shiftDates: true });
    const [day, after] = [text(elements, DATE.tag), text(elements, moment.tag)];
    expect(days(after ?? '') - days(day ?? '')).toBe(1);
    expect(after).toMatch(/^\d{8}101112\.5\+0100$/);
    expect(text(elements, time.tag)).toBe('101112');
    expect(text(elements, 0x0028_0303)).toBe('MODIFIED');
    const moved = days('20240229') - days(day ?? '');
    expect(moved).toBeGreaterThanOrEqual(1);
    expect(moved).toBeLessThanOrEqual(3650);
    const other = await root([{ ...PATIENT, value: 'MRN 4712' }, DATE], { shiftDates: true });
    expect(text(other, DATE.tag)).not.toBe(day);
  });

  it.each(['20230229', '2024', 'yesterday', '20240101-20240201'])(
    'that are none (%s) are not moved but go',
    async (value) => {
      expect(text(await root([{ ...DATE, value }], { shiftDates: true }), DATE.tag)).toBe('');
    },
  );

  it('of the old form are moved, too', async () => {
    const old = await root([PATIENT, { ...DATE, value: '2024.02.29' }], { shiftDates: true });
    expect(text(old, DATE.tag)).toBe(text(await root([PATIENT, DATE], { shiftDates: true }), DATE.tag));
  });
});

describe('the report', () => {
  it('counts by action and names tags and keywords, sequences included, and holds no value', async () => {
    const request = {
      tag: 0x0008_1140,
      vr: 'SQ',
      value: [[STUDY, { tag: 0x0009_0010, vr: 'LO', value: 'Secret maker' }], [STUDY]],
    };
    const { report } = await deidentify(aFile([PATIENT, DATE, request, STUDY]), { key });
    expect(report.counts).toEqual({
      remove: 1,
      empty: 1,
      replace: 0,
      uid: 4,
      shift: 0,
      pseudonym: 2,
      keep: 2,
      add: 4,
    });
    expect(report.tags).toContainEqual({
      tag: '(0020,000D)',
      keyword: 'StudyInstanceUID',
      action: 'uid',
      count: 3,
    });
    expect(report.tags).toContainEqual({
      tag: '(0009,0010)',
      keyword: 'PrivateAttributes',
      action: 'remove',
      count: 1,
    });
    expect(JSON.stringify(report)).not.toMatch(/MRN|20240229|Secret|1\.2\.3/);
  });

  it('says in the file what was done, by the codes of CID 7050, in the place of what was said before', async () => {
    const before = { tag: 0x0012_0063, vr: 'LO', value: 'by Dr No' };
    const all = { shiftDates: true, keepPatientCharacteristics: true, keepDevice: true };
    const elements = await root([before], all);
    expect(text(elements, 0x0012_0062)).toBe('YES');
    expect(text(elements, 0x0012_0063)).toMatch(/^Hilum: PS3\.15 .{10,50}$/);
    const codes = items(elements, 0x0012_0064).map((item) => text(item, 0x0008_0100));
    expect(codes).toEqual(['113100', '113107', '113108', '113109']);
    const meanings = items(elements, 0x0012_0064).map((item) => (text(item, 0x0008_0104) ?? '').length);
    expect(Math.max(...meanings)).toBeLessThanOrEqual(64);
  });
});

describe('a suspicion of text in the pixels', () => {
  it.each<readonly [string, Part]>([
    ['ANNOTATION_SAYS_YES', { tag: 0x0028_0301, vr: 'CS', value: 'YES' }],
    ['FEATURES_SAY_YES', { tag: 0x0028_0302, vr: 'CS', value: 'YES' }],
    ['SECONDARY_CAPTURE', { tag: 0x0008_0016, vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.7.4' }],
    ['DOCUMENT', { tag: 0x0008_0016, vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.88.67' }],
    ['SCREEN_SAVE', { tag: 0x0008_0008, vr: 'CS', value: 'DERIVED\\PRIMARY\\SCREEN SAVE' }],
    ['IMAGE_TYPE_SECONDARY', { tag: 0x0008_0008, vr: 'CS', value: 'DERIVED\\SECONDARY' }],
    ['MODALITY', { tag: 0x0008_0060, vr: 'CS', value: 'US' }],
    ['DOSE_REPORT', { tag: 0x0008_103e, vr: 'LO', value: 'Dose Report' }],
    ['OVERLAY_IN_PIXELS', { tag: 0x6000_0010, vr: 'US', value: Uint8Array.of(0, 2) }],
  ])('%s refuses the file, or lets it through with the flag', async (reason, part) => {
    const refused = await deidentify(aFile([part]), { key });
    expect(refused.bytes).toBeUndefined();
    expect(refused.refusal).toEqual({ code: 'BURNED_IN_SUSPECTED', reasons: [reason] });
    const flagged = await deidentify(aFile([part]), { key, burnedIn: 'flag' });
    expect(flagged.bytes).toBeInstanceOf(Uint8Array);
    expect(flagged.report.burnedIn).toEqual({ suspected: true, reasons: [reason] });
  });

  it('is not raised by an axial slice, nor by a reformatted one that denies it', async () => {
    const parts = [
      { tag: 0x0008_0008, vr: 'CS', value: 'DERIVED\\SECONDARY\\MPR' },
      { tag: 0x0028_0301, vr: 'CS', value: 'NO' },
    ];
    for (const some of [[], parts]) {
      const { report, bytes } = await deidentify(aFile(some), { key });
      expect(report.burnedIn).toEqual({ suspected: false, reasons: [] });
      expect(bytes).toBeInstanceOf(Uint8Array);
    }
  });
});

describe('Pixel Data', () => {
  it('are copied bit for bit, fragments with a delimiter in them included', async () => {
    const items = 'feff00e000000000feff00e008000000feffdde000000000feffdde000000000';
    const file = aFile([{ tag: 0x7fe0_0010, vr: 'OB', value: Buffer.from(items, 'hex'), delimited: true }]);
    const { bytes } = await deidentify(file, { key });
    expect(Buffer.from(bytes ?? '').toString('hex')).toMatch(new RegExp(`e07f10004f420000ffffffff${items}$`));
  });

  it('of zeros are not taken for an empty value', async () => {
    const pixels = { tag: 0x7fe0_0010, vr: 'OW', value: new Uint8Array(32) };
    const found = (await root([pixels])).find(({ tag }) => tag === pixels.tag);
    expect(found?.kind === 'value' ? found.value.length : 0).toBe(32);
  });
});

describe('a file that is refused', () => {
  const deep = (levels: number): Part =>
    levels === 0 ? STUDY : { tag: 0x0008_1140, vr: 'SQ', value: [[deep(levels - 1)]] };

  it.each([
    ['no DICOM', 'NOT_AN_IMAGE', () => Buffer.from('x'.repeat(400))],
    ['cut', 'TRUNCATED', () => aFile([{ ...PATIENT, value: 'x'.repeat(90) }]).subarray(0, -20)],
    [
      'with a sequence that never ends',
      'TRUNCATED',
      () => aFile([{ ...deep(1), delimited: true }]).subarray(0, -8),
    ],
    ['with sequences 40 deep', 'LIMIT_EXCEEDED', () => aFile([deep(40)])],
    ['with an element twice', 'CORRUPT', () => aFile([PATIENT, { ...PATIENT, value: 'MRN 4712' }])],
    ['with no instance UID', 'CORRUPT', () => aFile([{ tag: 0x0008_0018, vr: 'UI', value: '' }])],
    ['with a VR that is none', 'CORRUPT', () => aFile([{ ...PATIENT, vr: 'l0' }])],
    ['a directory', 'NOT_AN_IMAGE', () => aFile([{ tag: 0x0004_1130, vr: 'CS', value: 'DOE_JOHN' }])],
  ])('%s has the code %s, and its text no value', async (_, code, make) => {
    const error: unknown = await deidentify(make(), { key }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'ImagingError', code });
    expect(String(error)).not.toMatch(/MRN|DOE|1\.2\.3/);
  });

  it('is none for want of a secret: a short key is a mistake of the caller', async () => {
    await expect(deidentify(aFile([]), { key: new Uint8Array(8) })).rejects.toThrow(RangeError);
    await expect(deidentify(aFile([]), { key, patientIdPrefix: 'Jürgen ' })).rejects.toThrow(RangeError);
  });
});

async function root(
  parts: readonly Part[],
  options: Partial<DeidentifyOptions> = {},
): Promise<readonly Element[]> {
  return elementsOf((await deidentify(aFile(parts), { key, ...options })).bytes);
}

function elementsOf(bytes: Uint8Array | undefined): readonly Element[] {
  return readElements(readPart10(bytes ?? new Uint8Array()).body, { implicit: false, bigEndian: false });
}

function text(elements: readonly Element[] | undefined, tag: number): string | undefined {
  const found = elements?.find((element) => element.tag === tag);
  return found?.kind === 'value' ? textOf(found) : undefined;
}

function items(elements: readonly Element[], tag: number): readonly (readonly Element[])[] {
  const found = elements.find((element) => element.tag === tag);
  return found?.kind === 'sequence' ? found.items : [];
}

const days = (date: string): number =>
  Date.parse(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 8)}T00:00:00Z`) / 86_400_000;
