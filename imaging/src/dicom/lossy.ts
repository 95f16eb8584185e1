import { ImagingError } from '../errors.ts';
import { short, text, texts } from './data-set.ts';
import { joinFragments, readEncapsulated } from './fragments.ts';
import type { Header } from './header.ts';
import { TAGS } from './tags.ts';

/**
 * The most that is read as CT. Consensus of the Deutsche Röntgengesellschaft: 1:8 for CT of all regions but the
 * brain, for JPEG and JPEG 2000 alike (Loose et al., Röfo 2009;181:32-37, doi:10.1055/s-2008-1027847).
 */
const LOSSY_RATIO_MAX = 8;

/**
 * The most Hounsfield units that one step of the stored values may span: that of a lung window of 1500 HU shown in
 * 256 grey levels. What is coarser was a picture once and is CT by name only.
 */
const HU_STEP_MAX = 6;

/** Refuses what lost more than a finding can stand. `slope` is HU per stored value. */
export function checkLoss(header: Header, slope: number): void {
  const ratio = lossyRatioOf(header) ?? 0;
  if (ratio > LOSSY_RATIO_MAX) {
    throw new ImagingError(
      'LOSSY_TOO_STRONG',
      `The image was compressed ${ratio.toFixed(1)} : 1 with loss; at most ${LOSSY_RATIO_MAX} : 1 is read.`,
    );
  }
  if (Math.abs(slope) > HU_STEP_MAX) {
    throw new ImagingError(
      'LOSSY_TOO_STRONG',
      `One step of the stored values is ${Math.abs(slope).toFixed(1)} HU; at most ${HU_STEP_MAX} HU are read.`,
    );
  }
}

/**
 * Uncompressed bytes over the bytes that the frames take, where their codestream or (0028,2110) says that something
 * was lost, or the ratio (0028,2112) that the header declares, whichever is larger; undefined where nothing was lost.
 */
export function lossyRatioOf(header: Header): number | undefined {
  const before = known.get(header);
  if (before !== undefined) return before.ratio;
  const ratio = readRatio(header);
  known.set(header, { ratio });
  return ratio;
}

// Asked for with every frame, and the same for all.
const known = new WeakMap<Header, { readonly ratio: number | undefined }>();

function readRatio(header: Header): number | undefined {
  const { data } = header;
  const declared = text(data, TAGS.lossy) === '01';
  const measured = measure(header);
  if (!declared && measured?.irreversible !== true) return undefined;
  const ratios = texts(data, TAGS.lossyRatio).map(Number);
  return Math.max(measured?.ratio ?? 1, ...(declared ? ratios.filter(Number.isFinite) : []));
}

/** Undefined where the pixels are not compressed. */
function measure({ bytes, pixelData, data, rows, columns, frames }: Header) {
  if (!pixelData.encapsulated) return undefined;
  const { fragments } = readEncapsulated(bytes, pixelData.offset);
  const sampleBytes = (short(data, TAGS.bitsAllocated) ?? 16) / 8;
  const native = rows * columns * frames * (short(data, TAGS.samplesPerPixel) ?? 1) * sampleBytes;
  const packed = fragments.reduce((sum, { length }) => sum + length, 0);
  const start = joinFragments(bytes, fragments.slice(0, 1));
  return { ratio: native / Math.max(1, packed), irreversible: isIrreversible(start) };
}

const SOI = 0xffd8;
const SOC = 0xff4f;
const SOT = 0xff90;
const COD = 0xff52;
const SOS = 0xffda;
const JPEG_LS = 0xfff7;
// ITU-T T.81 table B.1: SOF3, SOF7, SOF11, SOF15 predict without loss; the other frames are DCTs.
const PREDICTIVE = new Set([0xffc3, 0xffc7, 0xffcb, 0xffcf]);
const DCT = new Set([0xffc0, 0xffc1, 0xffc2, 0xffc5, 0xffc6, 0xffc9, 0xffca, 0xffcd, 0xffce]);

/** By the codestream's own words; a JPEG 2000 in a JP2 file, which DICOM forbids, is looked for within it. */
function isIrreversible(frame: Uint8Array): boolean {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const soc = Buffer.from(frame.buffer, frame.byteOffset, Math.min(1024, frame.length)).indexOf(
    'ff4fff51',
    'hex',
  );
  if (soc !== -1) return walk(view, soc, SOC);
  return view.byteLength >= 2 && view.getUint16(0) === SOI && walk(view, 0, SOI);
}

/** Marker segments up to the one that tells: a marker, then a length that counts itself. */
function walk(view: DataView, start: number, family: number): boolean {
  let near = false;
  for (let at = start + 2; at + 4 <= view.byteLength;) {
    const marker = view.getUint16(at);
    const end = at + 2 + view.getUint16(at + 2);
    if (marker < 0xff01 || marker === SOT || PREDICTIVE.has(marker) || end > view.byteLength) return false;
    if (family === SOI && DCT.has(marker)) return true;
    // ISO/IEC 15444-1 table A.20: transformation 0 is the 9-7 irreversible wavelet.
    if (family === SOC && marker === COD) return at + 13 < end && view.getUint8(at + 13) === 0;
    if (marker === JPEG_LS) near = true;
    // ISO/IEC 14495-1 C.2.3: NEAR is the third last byte of the scan header.
    if (marker === SOS) return near && view.getUint8(end - 3) > 0;
    at = end;
  }
  return false;
}
