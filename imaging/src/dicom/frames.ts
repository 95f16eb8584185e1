import { ImagingError } from '../errors.ts';
import { keyOf } from './elements.ts';
import { joinFragments, readEncapsulated } from './fragments.ts';
import type { Encapsulated, Fragment } from './fragments.ts';
import { layoutOf } from './header.ts';
import type { Header } from './header.ts';
import { decodeFrame } from './stored.ts';
import type { FrameLayout } from './stored.ts';
import { TAGS } from './tags.ts';

/** The frames of one file: their layout, and a way to the stored values of each. */
export type Frames = {
  readonly layout: FrameLayout;
  /** Bytes that the frames take in the file. */
  readonly storedBytes: number;
  /** The bytes of frame `n`, from 1, as its transfer syntax packs it. */
  bytes(n: number): Uint8Array;
  /** The stored values of frame `n`, from 1; see decodeFrame. */
  decode(n: number): Promise<Int32Array>;
};

/** Cuts the Pixel Data into frames; every frame is found before one is decoded. Throws ImagingError. */
export function cutFrames(header: Header): Frames {
  const layout = layoutOf(header);
  const native = header.packing === 'native-le' || header.packing === 'native-be';
  if (native === header.pixelData.encapsulated) {
    throw new ImagingError('CORRUPT', 'The transfer syntax and the Pixel Data disagree: one is compressed.');
  }
  const places = native ? nativeFrames(header, layout) : encapsulatedFrames(header);
  const bytes = (n: number) => joinFragments(header.bytes, places[n - 1] ?? []);
  return {
    layout,
    storedBytes: places.flat().reduce((sum, { length }) => sum + length, 0),
    bytes,
    decode: async (n) => decodeFrame(bytes(n), layout),
  };
}

// Zero bytes behind native pixels; of a row or a column that the header left out, there would be more.
const PADDING_MAX = 16;

type Places = readonly (readonly Fragment[])[];

function nativeFrames({ pixelData, frames, bytes }: Header, layout: FrameLayout): Places {
  // Every second colour sample is left out (PS3.3 C.7.6.3.1.2): a frame has another length, and pixels to guess.
  if (layout.photometric.endsWith('_422')) throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED');
  const { rows, columns, samplesPerPixel, bitsAllocated } = layout;
  const length = rows * columns * samplesPerPixel * (bitsAllocated / 8);
  const surplus = pixelData.length - length * frames;
  // An odd number of samples is filled up to an even length (PS3.5 8.1.1); some writers fill up to more.
  const shorterSide = Math.min(rows, columns) * (bitsAllocated / 8);
  if (surplus < 0 || surplus > Math.max(1, Math.min(PADDING_MAX, shorterSide - 1))) {
    throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  }
  if (pixelData.offset + pixelData.length > bytes.length) throw new ImagingError('TRUNCATED');
  const end = pixelData.offset + pixelData.length;
  if (surplus > 1 && bytes.subarray(end - surplus, end).some((byte) => byte !== 0)) {
    throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  }
  return Array.from({ length: frames }, (_, k) => [{ offset: pixelData.offset + k * length, length }]);
}

function encapsulatedFrames(header: Header): Places {
  const { frames, packing, bytes, pixelData } = header;
  const found = readEncapsulated(bytes, pixelData.offset);
  const { fragments } = found;
  if (fragments.length < frames) {
    throw new ImagingError('PIXEL_LENGTH_MISMATCH', 'The Pixel Data hold fewer fragments than frames.');
  }
  if (packing === 'rle') {
    if (fragments.length === frames) return grouped(header, found);
    throw new ImagingError('CORRUPT', 'An RLE frame is one fragment (PS3.5 A.4.2); here the numbers differ.');
  }
  const places = grouped(header, found);
  // A decoder would take the first of two codestreams, and the other would be lost without a word.
  if (places.some(([, ...rest]) => rest.some((fragment) => startsFrame(bytes, fragment)))) {
    throw new ImagingError('CORRUPT', 'The Pixel Data hold more frames than the header declares.');
  }
  return places;
}

/** Which fragments make up each frame: by a table where there is one. */
function grouped(header: Header, found: Encapsulated): Places {
  const { frames } = header;
  const { fragments, offsetTable } = found;
  if (header.data.elements[keyOf(TAGS.extendedOffsets)] !== undefined) return byExtendedTable(header, found);
  if (offsetTable.length > 0) return byOffsets(found, offsetTable, frames);
  if (frames === 1) return [fragments];
  return fragments.length === frames ? fragments.map((fragment) => [fragment]) : byStarts(header, fragments);
}

/** PS3.5 A.4: an offset is counted from the first byte of the first item after the table. */
function byOffsets({ fragments }: Encapsulated, offsets: readonly number[], frames: number): Places {
  if (offsets.length !== frames) throw tableMismatch();
  const base = fragments[0]?.offset ?? 0;
  const indices = new Map(fragments.map(({ offset }, index) => [offset - base, index]));
  const starts = offsets.map((offset) => indices.get(offset) ?? -1);
  if (starts[0] !== 0 || starts.some((start, k) => k > 0 && start <= (starts[k - 1] ?? 0))) {
    throw tableMismatch();
  }
  return starts.map((start, k) => fragments.slice(start, starts[k + 1]));
}

/** PS3.3 C.7.6.3.1.8: 64-bit offsets and true lengths; a frame is one fragment. */
function byExtendedTable({ data, bytes, frames }: Header, found: Encapsulated): Places {
  const offsets = longs(bytes, data.elements[keyOf(TAGS.extendedOffsets)]);
  const lengths = longs(bytes, data.elements[keyOf(TAGS.extendedLengths)]);
  if (found.offsetTable.length > 0 || lengths.length !== frames) throw tableMismatch();
  return byOffsets(found, offsets, frames).map((fragments, k) => {
    const [fragment] = fragments;
    const length = lengths[k] ?? 0;
    // The item is padded to an even length, the frame need not be.
    if (
      fragment === undefined ||
      fragments.length > 1 ||
      length > fragment.length ||
      length + 1 < fragment.length
    )
      throw tableMismatch();
    return [{ offset: fragment.offset, length }];
  });
}

function longs(
  bytes: Uint8Array,
  place: { dataOffset: number; length: number } | undefined,
): readonly number[] {
  if (place === undefined || place.length % 8 !== 0) throw tableMismatch();
  const view = new DataView(bytes.buffer, bytes.byteOffset + place.dataOffset, place.length);
  return Array.from({ length: place.length / 8 }, (_, k) => Number(view.getBigUint64(k * 8, true)));
}

// SOI of JPEG and JPEG-LS; SOC and SIZ of JPEG 2000, or the signature box of a JP2 file around them. Neither occurs
// within the entropy-coded data of its own format, where FF is followed by less.
const STARTS = [
  [0xff, 0xd8, 0xff],
  [0xff, 0x4f, 0xff, 0x51],
  [0, 0, 0, 0x0c, 0x6a, 0x50, 0x20, 0x20],
];

/** Without a table a frame starts where a fragment starts with a codestream's first marker. */
function byStarts({ bytes, frames }: Header, fragments: readonly Fragment[]): Places {
  const starts = fragments.flatMap((fragment, index) => (startsFrame(bytes, fragment) ? [index] : []));
  if (starts[0] !== 0 || starts.length !== frames) {
    throw new ImagingError(
      'CORRUPT',
      'The Pixel Data have no offset table, and their fragments do not show where the frames start.',
    );
  }
  return starts.map((start, k) => fragments.slice(start, starts[k + 1]));
}

function startsFrame(bytes: Uint8Array, { offset, length }: Fragment): boolean {
  return STARTS.some(
    (start) => start.length <= length && start.every((byte, k) => bytes[offset + k] === byte),
  );
}

function tableMismatch(): ImagingError {
  return new ImagingError('CORRUPT', 'The offset table of the Pixel Data does not fit its frames.');
}
