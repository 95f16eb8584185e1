/** De-identification by the Basic Application Level Confidentiality Profile of PS3.15 Annex E. */
import { ImagingError } from '../errors.ts';
import { readPart10 } from '../dicom/meta.ts';
import { burnedInReasons } from './burned-in.ts';
import type { BurnedInReason } from './burned-in.ts';
import { readElements } from './elements.ts';
import type { Element, Encoding, SequenceElement } from './elements.ts';
import { namesIn } from './names.ts';
import type { Retained } from './profile.ts';
import { createPseudonyms } from './pseudonyms.ts';
import { createTally } from './report.ts';
import type { DeidentifyReport } from './report.ts';
import { rewrite, textOf } from './rewrite.ts';
import { textElement, writePart10 } from './write.ts';

export type DeidentifyOptions = {
  /** Secret, 16 bytes or more, best 32 of a random source. The same key gives the same pseudonyms in every run. */
  readonly key: Uint8Array;
  /** Before each patient's pseudonym; default `HILUM-`. */
  readonly patientIdPrefix?: string | undefined;
  /** Retain Longitudinal Temporal Information, Modified Dates: moved by days of the patient's own, else removed. */
  readonly shiftDates?: boolean | undefined;
  /** Retain Patient Characteristics: what is coded or numeric, ages over 89 as 090Y. */
  readonly keepPatientCharacteristics?: boolean | undefined;
  /** Retain Device Identity. */
  readonly keepDevice?: boolean | undefined;
  /** Whether a file with a suspicion of burned-in text is refused (default) or only flagged in the report. */
  readonly burnedIn?: 'refuse' | 'flag' | undefined;
};

/** With `refusal` there are no bytes. */
export type Deidentified =
  | { readonly bytes: Uint8Array; readonly report: DeidentifyReport; readonly refusal?: undefined }
  | { readonly bytes?: undefined; readonly report: DeidentifyReport; readonly refusal: BurnedInRefusal };
type BurnedInRefusal = {
  readonly code: 'BURNED_IN_SUSPECTED';
  readonly reasons: readonly BurnedInReason[];
};

/**
 * One DICOM file (Part 10, any transfer syntax) to its de-identified form, in the same transfer syntax, its Pixel Data
 * bit for bit. The input is not changed; nothing is decoded; memory is a few times the file. Pixels are not searched
 * for faces or text: see `report.burnedIn`.
 *
 * @throws ImagingError NOT_AN_IMAGE, TRUNCATED, CORRUPT, LIMIT_EXCEEDED; RangeError for a key or prefix that is none
 */
export async function deidentify(file: Uint8Array, options: DeidentifyOptions): Promise<Deidentified> {
  const pseudonyms = createPseudonyms(options.key, options.patientIdPrefix ?? 'HILUM-');
  const { transferSyntax, encoding, elements } = readFile(file);
  const sopClassUid = rootText(elements, SOP_CLASS_UID);
  const instance = rootText(elements, SOP_INSTANCE_UID);
  if (sopClassUid === '' || instance === '') {
    throw new ImagingError('CORRUPT', 'The data set does not say of which class it is, or which one.');
  }
  const retained: Retained = {
    patientCharacteristics: options.keepPatientCharacteristics ?? false,
    deviceIdentity: options.keepDevice ?? false,
    shiftedDates: options.shiftDates ?? false,
  };
  const patient = patientOf(elements);
  const tally = createTally();
  const rules = {
    retained,
    pseudonyms,
    shiftDays: pseudonyms.shiftDays(patient),
    names: namesIn(elements, textOf),
    tally,
  };
  const rewritten = rewrite(
    elements.filter(({ tag }) => !OURS.has(tag)),
    rules,
  );
  const marks = marksOf(pseudonyms.patientId(patient), retained);
  for (const { tag } of marks) tally.note(tag, PSEUDONYMS.has(tag) ? 'pseudonym' : 'add');
  const output = [...rewritten, ...marks].toSorted((a, b) => a.tag - b.tag);
  const sopInstanceUid = rootText(output, SOP_INSTANCE_UID);
  const reasons = suspicion(elements);
  const burnedIn = { suspected: reasons.length > 0, reasons };
  const report = { sopInstanceUid, transferSyntax, ...tally.summary(), burnedIn };
  if (burnedIn.suspected && options.burnedIn !== 'flag') {
    return { report, refusal: { code: 'BURNED_IN_SUSPECTED', reasons } };
  }
  const meta = { sopClassUid, sopInstanceUid, transferSyntax };
  return { bytes: writePart10(output, encoding, meta, transferSyntax === DEFLATED), report };
}

const SOP_CLASS_UID = 0x0008_0016;
const SOP_INSTANCE_UID = 0x0008_0018;
const STUDY_INSTANCE_UID = 0x0020_000d;
const PATIENT_NAME = 0x0010_0010;
const PATIENT_ID = 0x0010_0020;
const PSEUDONYMS: ReadonlySet<number> = new Set([PATIENT_NAME, PATIENT_ID]);
const METHOD_CODE_SEQUENCE = 0x0012_0064;

const IMPLICIT_LE = '1.2.840.10008.1.2';
const EXPLICIT_BE = '1.2.840.10008.1.2.2';
const DEFLATED = '1.2.840.10008.1.2.1.99';
const DIRECTORY = '1.2.840.10008.1.3.10';
const PREFIX_AT = 128;

function readFile(file: Uint8Array) {
  const prefix = Buffer.from(file.subarray(PREFIX_AT, PREFIX_AT + 4)).toString('latin1');
  if (prefix !== 'DICM') throw new ImagingError('NOT_AN_IMAGE', 'The bytes are not a DICOM file (Part 10).');
  const { transferSyntax, body } = readPart10(file);
  const encoding: Encoding = {
    implicit: transferSyntax === IMPLICIT_LE,
    bigEndian: transferSyntax === EXPLICIT_BE,
  };
  const elements = readElements(body, encoding);
  // A directory finds its records by their place in the file, and the files by their names.
  if (elements.some(({ tag }) => tag >>> 16 === 0x0004) || rootText(elements, SOP_CLASS_UID) === DIRECTORY) {
    throw new ImagingError('NOT_AN_IMAGE', 'A DICOMDIR is not rewritten: make a new one of the new files.');
  }
  return { transferSyntax, encoding, elements };
}

/** The patient's id; where there is none, the study stands for its patient, so that nobody is merged with another. */
function patientOf(elements: readonly Element[]): string {
  const id = rootText(elements, PATIENT_ID);
  if (id !== '') return id;
  return `no id\0${rootText(elements, STUDY_INSTANCE_UID) || rootText(elements, SOP_INSTANCE_UID)}`;
}

const OURS: ReadonlySet<number> = new Set([
  PATIENT_NAME,
  PATIENT_ID,
  0x0012_0062,
  0x0012_0063,
  METHOD_CODE_SEQUENCE,
  0x0028_0303,
]);

/** PS3.15 E.1.1 and E.3: who is shown instead, and what was done. */
function marksOf(pseudonym: string, retained: Retained): readonly Element[] {
  return [
    textElement(PATIENT_NAME, 'PN', pseudonym),
    textElement(PATIENT_ID, 'LO', pseudonym),
    textElement(0x0012_0062, 'CS', 'YES'),
    textElement(0x0012_0063, 'LO', 'Hilum: PS3.15 2026d E.1 Basic Profile, options as coded'),
    methodCodes(retained),
    textElement(0x0028_0303, 'CS', retained.shiftedDates ? 'MODIFIED' : 'REMOVED'),
  ];
}

/** CID 7050. */
function methodCodes(retained: Retained): SequenceElement {
  const codes: readonly (readonly [string, string, boolean])[] = [
    ['113100', 'Basic Application Confidentiality Profile', true],
    ['113107', 'Retain Longitudinal Temporal Information Modified Dates Option', retained.shiftedDates],
    ['113108', 'Retain Patient Characteristics Option', retained.patientCharacteristics],
    ['113109', 'Retain Device Identity Option', retained.deviceIdentity],
  ];
  const items = codes
    .filter(([, , applied]) => applied)
    .map(([value, meaning]) => [
      textElement(0x0008_0100, 'SH', value),
      textElement(0x0008_0102, 'SH', 'DCM'),
      textElement(0x0008_0104, 'LO', meaning),
    ]);
  return { kind: 'sequence', tag: METHOD_CODE_SEQUENCE, vr: 'SQ', items };
}

function suspicion(elements: readonly Element[]): readonly BurnedInReason[] {
  return burnedInReasons({
    annotation: rootText(elements, 0x0028_0301),
    features: rootText(elements, 0x0028_0302),
    sopClass: rootText(elements, SOP_CLASS_UID),
    imageType: rootText(elements, 0x0008_0008),
    modality: rootText(elements, 0x0008_0060),
    seriesDescription: rootText(elements, 0x0008_103e),
    overlayInPixels: elements.some(({ tag }) => isOverlay(tag) && !hasOverlayData(elements, tag >>> 16)),
  });
}

const OVERLAY_ROWS = 0x0010;
const isOverlay = (tag: number): boolean =>
  ((tag >>> 16) & 0xff01) === 0x6000 && (tag & 0xffff) === OVERLAY_ROWS;

/** Without data of its own an overlay lies in the unused bits of Pixel Data (retired, PS3.5 8.1.2). */
function hasOverlayData(elements: readonly Element[], group: number): boolean {
  return elements.some(({ tag }) => tag === group * 0x1_0000 + 0x3000);
}

function rootText(elements: readonly Element[], tag: number): string {
  const found = elements.find((element) => element.tag === tag);
  return found?.kind === 'value' ? textOf(found) : '';
}
