import type { DataSet as Elements } from 'dicom-parser';
import { keyOf, readElements } from '../dicom/elements.ts';
import { readPart10 } from '../dicom/meta.ts';
import { isPart10 } from '../dicom/open.ts';
import { ImagingError } from '../errors.ts';
import { decodeText } from './charset.ts';
import type { ImageReference } from './content.ts';
import type { DataSet } from './part10.ts';

/** What a result repeats of the study that it belongs to. Holds the patient's identity: never for a log. */
export type Source = {
  /** The file itself, all of its frames. */
  readonly image: ImageReference;
  readonly studyUid: string;
  readonly modality: string;
  /** The Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1), ready to be written as UTF-8. */
  readonly attributes: DataSet;
  /** Minutes east of UTC of the times in the study, where it says so (0008,0201). */
  readonly offsetMinutes: number | undefined;
  /** Lossy compression at any time before stays on record (PS3.3 C.7.6.1.1.5). */
  readonly lossy: DataSet;
};

type Kind = 'text' | 'date' | 'time' | 'sex' | 'yesNo';

// An identity that PACS match by, and no more: no free-text comments, no sequences but the method of
// de-identification, which C.7.1.1 asks for beside Patient Identity Removed.
const COPIED: readonly (readonly [tag: number, keyword: string, kind: Kind, empty: 'empty' | 'absent'])[] = [
  [0x0008_0020, 'StudyDate', 'date', 'empty'],
  [0x0008_0030, 'StudyTime', 'time', 'empty'],
  [0x0008_0050, 'AccessionNumber', 'text', 'empty'],
  [0x0008_0090, 'ReferringPhysicianName', 'text', 'empty'],
  [0x0008_1030, 'StudyDescription', 'text', 'absent'],
  [0x0010_0010, 'PatientName', 'text', 'empty'],
  [0x0010_0020, 'PatientID', 'text', 'empty'],
  [0x0010_0021, 'IssuerOfPatientID', 'text', 'absent'],
  [0x0010_0030, 'PatientBirthDate', 'date', 'empty'],
  [0x0010_0040, 'PatientSex', 'sex', 'empty'],
  [0x0012_0062, 'PatientIdentityRemoved', 'yesNo', 'absent'],
  [0x0012_0063, 'DeidentificationMethod', 'text', 'absent'],
  [0x0020_0010, 'StudyID', 'text', 'empty'],
];

const DEIDENTIFICATION_CODES = 0x0012_0064;
const CODE_PARTS = [
  [0x0008_0100, 'CodeValue'],
  [0x0008_0102, 'CodingSchemeDesignator'],
  [0x0008_0103, 'CodingSchemeVersion'],
  [0x0008_0104, 'CodeMeaning'],
] as const;

const CHARACTER_SET = 0x0008_0005;
const MODALITY = 0x0008_0060;
const OFFSET = 0x0008_0201;
const SOP_CLASS = 0x0008_0016;
const INSTANCE_UID = 0x0008_0018;
const STUDY_UID = 0x0020_000d;
const SERIES_UID = 0x0020_000e;
const LOSSY = [
  [0x0028_2110, 'LossyImageCompression'],
  [0x0028_2112, 'LossyImageCompressionRatio'],
  [0x0028_2114, 'LossyImageCompressionMethod'],
] as const;

const WANTED: ReadonlySet<number> = new Set([
  ...COPIED.map(([tag]) => tag),
  ...CODE_PARTS.map(([tag]) => tag),
  ...LOSSY.map(([tag]) => tag),
  DEIDENTIFICATION_CODES,
  CHARACTER_SET,
  MODALITY,
  OFFSET,
  SOP_CLASS,
  INSTANCE_UID,
  STUDY_UID,
  SERIES_UID,
]);

/**
 * Reads the header of one DICOM file of a study. Private elements are stepped over unread. Throws ImagingError
 * NOT_AN_IMAGE for what is no DICOM file, CORRUPT for one that names no study, series or instance, and what the header's reader throws.
 */
export function readSource(file: Uint8Array): Source {
  if (!isPart10(file)) {
    throw new ImagingError('NOT_AN_IMAGE', 'A report repeats the study of a DICOM file, and this is none.');
  }
  const { transferSyntax, body } = readPart10(file);
  const elements = readElements(body, encodingOf(transferSyntax), WANTED);
  const terms = ascii(elements, CHARACTER_SET).split('\\');
  const image = imageOf(elements);
  return {
    image,
    studyUid: image.studyUid,
    modality: ascii(elements, MODALITY).toUpperCase(),
    attributes: {
      StudyInstanceUID: image.studyUid,
      ...copied(elements, terms),
      ...deidentification(elements, terms),
    },
    offsetMinutes: minutes(ascii(elements, OFFSET)),
    lossy: lossy(elements),
  };
}

function imageOf(elements: Elements): ImageReference {
  const image = {
    sopClass: ascii(elements, SOP_CLASS),
    instanceUid: ascii(elements, INSTANCE_UID),
    seriesUid: ascii(elements, SERIES_UID),
    studyUid: ascii(elements, STUDY_UID),
  };
  if (!Object.values(image).every(isUid)) {
    throw new ImagingError('CORRUPT', 'The file does not name itself, its series or its study by UIDs.');
  }
  return { ...image, frame: 1, frames: 1 };
}

function encodingOf(transferSyntax: string) {
  return {
    explicit: transferSyntax !== '1.2.840.10008.1.2',
    littleEndian: transferSyntax !== '1.2.840.10008.1.2.2',
  };
}

function copied(elements: Elements, terms: readonly string[]): DataSet {
  const attributes: Record<string, string | null> = {};
  for (const [tag, keyword, kind, whenEmpty] of COPIED) {
    const value = VALID[kind](text(elements, tag, terms));
    if (value !== '') attributes[keyword] = value;
    else if (whenEmpty === 'empty') attributes[keyword] = null;
  }
  return attributes;
}

/** What breaks the rule of its VR would make our object invalid, and is left empty; text is repeated as it is. */
const VALID: Readonly<Record<Kind, (value: string) => string>> = {
  // ACR-NEMA wrote points, and readers shall still take them (PS3.5 6.2).
  date: (value) => matching(/^\d{8}$/, value.replace(/^(\d{4})\.(\d\d)\.(\d\d)$/, '$1$2$3')),
  time: (value) => matching(/^\d\d(\d\d(\d\d(\.\d{1,6})?)?)?$/, value.replaceAll(':', '')),
  sex: (value) => matching(/^[MFO]$/, value),
  yesNo: (value) => matching(/^(YES|NO)$/, value),
  text: (value) => value,
};

function matching(rule: RegExp, value: string): string {
  return rule.test(value) ? value : '';
}

function deidentification(elements: Elements, terms: readonly string[]): DataSet {
  const items = elements.elements[keyOf(DEIDENTIFICATION_CODES)]?.items ?? [];
  const codes = items.flatMap(({ dataSet }) => {
    if (dataSet === undefined) return [];
    const parts = CODE_PARTS.map(([tag, keyword]) => [keyword, text(dataSet, tag, terms)] as const);
    return [Object.fromEntries(parts.filter(([, value]) => value !== ''))];
  });
  return codes.length === 0 ? {} : { DeidentificationMethodCodeSequence: codes };
}

function lossy(elements: Elements): DataSet {
  if (ascii(elements, 0x0028_2110) !== '01') return {};
  const parts = LOSSY.map(([tag, keyword]) => [keyword, ascii(elements, tag).split('\\')] as const);
  return Object.fromEntries(parts.filter(([, [value]]) => value !== ''));
}

/** `+0130` and the like; PS3.3 C.12.1.1.8 bounds it. */
function minutes(offset: string): number | undefined {
  const [, sign, hours, rest] = /^([+-])(0\d|1[0-4])([0-5]\d)$/.exec(offset) ?? [];
  if (sign === undefined) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(rest));
}

function isUid(value: string): boolean {
  return value.length <= 64 && /^\d+(\.\d+)+$/.test(value);
}

function ascii(elements: Elements, tag: number): string {
  return text(elements, tag, ['ISO_IR 100']);
}

// Names and ids have some hundred bytes. What is longer is cut: it would cost time to decode, and as UTF-8 may not fit
// into a length of 16 bits, where dcmjs would write it as UN.
const TEXT_MAX_BYTES = 4096;

function text(elements: Elements, tag: number, terms: readonly string[]): string {
  const element = elements.elements[keyOf(tag)];
  if (element === undefined || element.items !== undefined) return '';
  const length = Math.min(element.length, TEXT_MAX_BYTES);
  return decodeText(elements.byteArray.subarray(element.dataOffset, element.dataOffset + length), terms);
}
