import { createHash } from 'node:crypto';
import { HU_MAX, HU_MIN } from '../image.ts';

/** One synthetic axial CT slice. Lengths in mm, in the patient's coordinates (PS3.3 C.7.6.2). */
export type CtSlice = {
  readonly rows: number;
  readonly columns: number;
  /** Hounsfield units, row by row; rounded, and clipped to [-1024, 3071]. */
  readonly hu: ArrayLike<number>;
  readonly patientId: string;
  readonly patientName?: string;
  /** Counts the patient's studies and series, from 1; with the patient's id they make the UIDs. */
  readonly study?: number;
  readonly series?: number;
  /** From 1. */
  readonly instance: number;
  /** Centre of the first pixel. */
  readonly position: readonly [number, number, number];
  /** Direction of a row, then of a column. Axial by default. */
  readonly orientation?: readonly [number, number, number, number, number, number];
  /** Between rows, then between columns. */
  readonly pixelSpacing: readonly [number, number];
  readonly sliceThickness: number;
  readonly seriesDescription?: string;
  /** YYYYMMDD. */
  readonly studyDate?: string;
};

const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
const EXPLICIT_LE = '1.2.840.10008.1.2.1';
const INTERCEPT = -1024;
const AXIAL = [1, 0, 0, 0, 1, 0] as const;

/**
 * A CT Image Storage instance as a Part 10 file, explicit VR little endian, 12 bits in 16, unsigned. The same slice
 * gives the same bytes: UIDs are derived from patient, study, series and instance (PS3.5 B.2, root 2.25).
 */
export function writeCtSlice(slice: CtSlice): Uint8Array {
  if (slice.hu.length !== slice.rows * slice.columns) {
    throw new RangeError(`a slice of ${slice.rows} x ${slice.columns} has not ${slice.hu.length} pixels`);
  }
  const uids = uidsOf(slice);
  const meta = [
    element(0x0002_0001, 'OB', Buffer.from([0, 1])),
    text(0x0002_0002, 'UI', CT_IMAGE_STORAGE),
    text(0x0002_0003, 'UI', uids.instance),
    text(0x0002_0010, 'UI', EXPLICIT_LE),
    text(0x0002_0012, 'UI', uids.implementation),
    text(0x0002_0013, 'SH', 'HILUM'),
  ];
  const metaLength = Buffer.alloc(4);
  metaLength.writeUInt32LE(meta.reduce((sum, part) => sum + part.length, 0));
  return new Uint8Array(
    Buffer.concat([
      Buffer.alloc(128),
      Buffer.from('DICM'),
      element(0x0002_0000, 'UL', metaLength),
      ...meta,
      ...dataSet(slice, uids),
    ]),
  );
}

type Uids = ReturnType<typeof uidsOf>;

/** In ascending order of tags, as PS3.5 7.1 asks. Type 2 attributes that a phantom has no value for are empty. */
function dataSet(slice: CtSlice, uids: Uids): readonly Buffer[] {
  return [
    // Not ORIGINAL: no scanner made it.
    text(0x0008_0008, 'CS', 'DERIVED\\SECONDARY\\AXIAL'),
    text(0x0008_0016, 'UI', CT_IMAGE_STORAGE),
    text(0x0008_0018, 'UI', uids.instance),
    text(0x0008_0020, 'DA', slice.studyDate ?? ''),
    text(0x0008_0030, 'TM', ''),
    text(0x0008_0050, 'SH', ''),
    text(0x0008_0060, 'CS', 'CT'),
    text(0x0008_0070, 'LO', 'Hilum (synthetic)'),
    text(0x0008_0090, 'PN', ''),
    text(0x0008_103e, 'LO', slice.seriesDescription ?? 'Synthetic, research use only'),
    text(0x0010_0010, 'PN', slice.patientName ?? `Phantom^${slice.patientId}`),
    text(0x0010_0020, 'LO', slice.patientId),
    text(0x0010_0030, 'DA', ''),
    text(0x0010_0040, 'CS', ''),
    text(0x0018_0015, 'CS', 'CHEST'),
    numbers(0x0018_0050, [slice.sliceThickness]),
    text(0x0018_0060, 'DS', ''),
    text(0x0018_5100, 'CS', 'HFS'),
    text(0x0020_000d, 'UI', uids.study),
    text(0x0020_000e, 'UI', uids.series),
    text(0x0020_0010, 'SH', String(slice.study ?? 1)),
    text(0x0020_0011, 'IS', String(slice.series ?? 1)),
    text(0x0020_0012, 'IS', ''),
    text(0x0020_0013, 'IS', String(slice.instance)),
    numbers(0x0020_0032, slice.position),
    numbers(0x0020_0037, slice.orientation ?? AXIAL),
    text(0x0020_0052, 'UI', uids.frameOfReference),
    text(0x0020_1040, 'LO', ''),
    short(0x0028_0002, 1),
    text(0x0028_0004, 'CS', 'MONOCHROME2'),
    short(0x0028_0010, slice.rows),
    short(0x0028_0011, slice.columns),
    numbers(0x0028_0030, slice.pixelSpacing),
    short(0x0028_0100, 16),
    short(0x0028_0101, 12),
    short(0x0028_0102, 11),
    short(0x0028_0103, 0),
    text(0x0028_0301, 'CS', 'NO'),
    numbers(0x0028_1052, [INTERCEPT]),
    numbers(0x0028_1053, [1]),
    text(0x0028_1054, 'LO', 'HU'),
    element(0x7fe0_0010, 'OW', storedValues(slice.hu)),
  ];
}

function storedValues(hu: ArrayLike<number>): Buffer {
  const stored = Buffer.alloc(hu.length * 2);
  for (let at = 0; at < hu.length; at += 1) {
    const clipped = Math.min(HU_MAX, Math.max(HU_MIN, Math.round(hu[at] ?? HU_MIN)));
    stored.writeUInt16LE(clipped - INTERCEPT, at * 2);
  }
  return stored;
}

function uidsOf({ patientId, study = 1, series = 1, instance }: CtSlice) {
  const inStudy = `${patientId}/${study}`;
  return {
    implementation: uid('implementation'),
    study: uid(`study ${inStudy}`),
    frameOfReference: uid(`frame of reference ${inStudy}`),
    series: uid(`series ${inStudy}/${series}`),
    instance: uid(`instance ${inStudy}/${series}/${instance}`),
  };
}

/** A UID from a name: 2.25 and the decimal form of a version 8 UUID over the name's digest. */
function uid(name: string): string {
  const uuid = createHash('sha256').update(`hilum ${name}`).digest().subarray(0, 16);
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${uuid.toString('hex')}`)}`;
}

function text(tag: number, vr: string, value: string): Buffer {
  const pad = value.length % 2 === 0 ? '' : vr === 'UI' ? '\0' : ' ';
  return element(tag, vr, Buffer.from(value + pad, 'latin1'));
}

/** DS: at most 16 characters each. */
function numbers(tag: number, values: readonly number[]): Buffer {
  return text(tag, 'DS', values.map((value) => decimalString(value)).join('\\'));
}

function decimalString(value: number): string {
  const plain = String(value);
  return plain.length <= 16 ? plain : String(Number(value.toPrecision(9)));
}

function short(tag: number, value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return element(tag, 'US', bytes);
}

/** PS3.5 7.1.2: OB and OW have two reserved bytes and a 32-bit length, the other VRs used here a 16-bit length. */
function element(tag: number, vr: string, value: Buffer): Buffer {
  const long = vr === 'OB' || vr === 'OW';
  const head = Buffer.alloc(long ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (long) head.writeUInt32LE(value.length, 8);
  else head.writeUInt16LE(value.length, 6);
  return Buffer.concat([head, value]);
}
