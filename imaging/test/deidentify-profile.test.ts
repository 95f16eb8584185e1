import { describe, expect, it } from 'vitest';
import { standardVr } from '../src/deidentify/dictionary.ts';
import { actionOn, rows } from '../src/deidentify/profile.ts';
import type { Retained } from '../src/deidentify/profile.ts';

const nothing: Retained = { patientCharacteristics: false, deviceIdentity: false, shiftedDates: false };

describe('table E.1-1', () => {
  it('is whole: 657 rows of edition 2026d, with as many of each action and option as the standard has', () => {
    expect(tally(rows.map(({ basic }) => basic))).toEqual({
      X: 417,
      D: 93,
      U: 55,
      Z: 42,
      'X/D': 23,
      'X/Z': 11,
      'X/Z/D': 8,
      'Z/D': 6,
      'X/Z/U*': 2,
    });
    const options = rows.flatMap(({ options }) => Object.entries(options).map((entry) => entry.join(':')));
    expect(tally(options)).toEqual({
      'fullDates:K': 169,
      'modifiedDates:C': 169,
      'descriptors:C': 141,
      'uids:K': 60,
      'device:K': 48,
      'device:C': 11,
      'patient:K': 14,
      'patient:C': 5,
      'institution:K': 10,
      'structured:C': 4,
      'graphics:C': 4,
      'safePrivate:C': 1,
    });
  });

  it('has every tag once, in order, and keywords without spaces', () => {
    const tags = rows.map(({ tag }) => tag);
    expect(tags).toEqual([...new Set(tags)].toSorted());
    expect(rows.filter(({ keyword }) => !/^[A-Z][A-Za-z0-9]+$/.test(keyword))).toEqual([]);
  });

  it.each([
    ['00100010', 'PatientName', 'Z', {}],
    ['00100030', 'PatientBirthDate', 'Z', {}],
    ['00080020', 'StudyDate', 'Z', { fullDates: 'K', modifiedDates: 'C' }],
    ['0008002a', 'AcquisitionDateTime', 'X/Z/D', { fullDates: 'K', modifiedDates: 'C' }],
    ['00080018', 'SOPInstanceUID', 'U', { uids: 'K' }],
    ['00081140', 'ReferencedImageSequence', 'X/Z/U*', { uids: 'K' }],
    ['00080080', 'InstitutionName', 'X/Z/D', { institution: 'K' }],
    ['00101010', 'PatientAge', 'X', { patient: 'K' }],
    ['00181000', 'DeviceSerialNumber', 'X/Z/D', { device: 'K' }],
    ['0008103e', 'SeriesDescription', 'X', { descriptors: 'C' }],
    ['0040a730', 'ContentSequence', 'D', { structured: 'C' }],
    ['50xxxxxx', 'CurveData', 'X', { graphics: 'C' }],
    ['60xx3000', 'OverlayData', 'X', { graphics: 'C' }],
    ['private', 'PrivateAttributes', 'X', { safePrivate: 'C' }],
  ])('says of %s %s: %s', (tag, keyword, basic, options) => {
    expect(rows.find((row) => row.tag === tag)).toEqual({ tag, keyword, basic, options });
  });
});

describe('the action on an attribute', () => {
  it.each([
    ['X is removed', 0x0008_103e, 'LO', 'remove'],
    ['Z is emptied', 0x0008_0020, 'DA', 'empty'],
    ['X/Z is emptied, which suits types 2 and 3', 0x0008_0022, 'DA', 'empty'],
    ['X/Z/D gets a dummy, which suits type 1 as well', 0x0008_0080, 'LO', 'replace'],
    ['U is remapped', 0x0020_000d, 'UI', 'uid'],
    ['X/Z/U* is kept, its references remapped inside', 0x0008_1140, 'SQ', 'keep'],
    ['private is removed, whatever it is', 0x0009_0010, 'LO', 'remove'],
    ['curves are removed', 0x5004_3000, 'OW', 'remove'],
    ['overlays are removed, descriptions included', 0x6000_0022, 'LO', 'remove'],
    ['group lengths are removed', 0x0008_0000, 'UL', 'remove'],
    ['what is in no dictionary is removed', 0x0008_9ffe, 'LO', 'remove'],
    ['a name that the table forgot is replaced', 0x0014_0104, 'PN', 'replace'],
    ['a name in another attribute is replaced', 0x0018_1030 - 0x10, 'PN', 'replace'],
    ['free text that the table forgot is replaced', 0x0028_1351, 'ST', 'replace'],
    ['the address of a server is removed', 0x0008_1190, 'UR', 'remove'],
    ['a date that the table forgot is replaced', 0x0014_0102, 'DA', 'replace'],
    ['an instance UID that the table forgot is remapped', 0x0020_9312, 'UI', 'uid'],
    ['the UID of a class is kept', 0x0008_0016, 'UI', 'keep'],
    ['text in the place of a number is removed', 0x0028_0010, 'LO', 'remove'],
    ['a sequence in the place of text is removed', 0x0018_1210, 'SQ', 'remove'],
    ['an unparsed sequence is removed', 0x0018_9346, 'UN', 'remove'],
    ['a technical attribute is kept', 0x0018_1210, 'SH', 'keep'],
  ])('%s', (_, tag, vr, want) => {
    expect(actionOn(tag, vr, nothing)).toBe(want);
  });

  it('keeps a device, and numbers and codes of a patient, where the option is given', () => {
    expect(actionOn(0x0018_1000, 'LO', nothing)).toBe('replace');
    expect(actionOn(0x0018_1000, 'LO', { ...nothing, deviceIdentity: true })).toBe('keep');
    const characteristics = { ...nothing, patientCharacteristics: true };
    expect(actionOn(0x0010_1010, 'AS', nothing)).toBe('remove');
    expect(actionOn(0x0010_1010, 'AS', characteristics)).toBe('keep');
    expect(actionOn(0x0010_2160, 'SH', characteristics)).toBe('remove');
    expect(actionOn(0x0010_0010, 'PN', characteristics)).toBe('empty');
  });

  it('moves dates where the option is given, but never the date of birth', () => {
    const shifted = { ...nothing, shiftedDates: true };
    expect(actionOn(0x0008_0020, 'DA', shifted)).toBe('shift');
    expect(actionOn(0x0010_0030, 'DA', shifted)).toBe('empty');
  });

  it('knows the VR of the standard’s attributes, and of no other', () => {
    expect([standardVr(0x0010_0010), standardVr(0x0008_1140), standardVr(0x0009_0010)]).toEqual([
      'PN',
      'SQ',
      undefined,
    ]);
  });
});

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
