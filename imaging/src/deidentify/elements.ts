/**
 * A data set taken apart without loss, so that it can be written again: every element with its bytes as they are. Ours,
 * beside the reader that decodes, because nothing may be skipped here: what is not understood must not be kept.
 */
import { LIMITS } from '../dicom/limits.ts';
import { ImagingError } from '../errors.ts';
import { standardVr } from './dictionary.ts';

export type Encoding = { readonly implicit: boolean; readonly bigEndian: boolean };

export type Element = ValueElement | SequenceElement | EncapsulatedElement;
/** `value` is a view of the file, in the file's byte order. */
export type ValueElement = {
  readonly kind: 'value';
  readonly tag: number;
  readonly vr: string;
  readonly value: Uint8Array;
};
export type SequenceElement = {
  readonly kind: 'sequence';
  readonly tag: number;
  readonly vr: string;
  readonly items: readonly (readonly Element[])[];
};
/** Compressed Pixel Data: offset table, fragments and delimiter (PS3.5 A.4), bytes as they are. */
type EncapsulatedElement = {
  readonly kind: 'encapsulated';
  readonly tag: number;
  readonly vr: string;
  readonly value: Uint8Array;
};

const PIXEL_DATA = 0x7fe0_0010;
export const ITEM = 0xfffe_e000;
const SEQUENCE_END = 0xfffe_e0dd;
export const UNDEFINED_LENGTH = 0xffff_ffff;
const ITEM_END = 0xfffe_e00d;

// PS3.5 7.1.2: these have a 16-bit length; all others, those to come included, two reserved bytes and 32 bits.
const SHORT_VRS = 'AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US'.split(' ');
const shortVrs: ReadonlySet<string> = new Set(SHORT_VRS);
export const hasShortLength = (vr: string): boolean => shortVrs.has(vr);

/** @throws ImagingError TRUNCATED, CORRUPT or LIMIT_EXCEEDED */
export function readElements(bytes: Uint8Array, encoding: Encoding): readonly Element[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader: Reader = { bytes, view, at: 0, elements: 0 };
  return readSet(reader, { end: bytes.length, delimited: false, depth: 0, encoding });
}

type Reader = { readonly bytes: Uint8Array; readonly view: DataView; at: number; elements: number };
/** Where a data set, a sequence or an item ends: at `end`, or before that at its delimiter. */
type Scope = {
  readonly end: number;
  readonly delimited: boolean;
  readonly depth: number;
  readonly encoding: Encoding;
};
type Head = { readonly tag: number; readonly vr: string; readonly length: number };

function readSet(reader: Reader, scope: Scope): readonly Element[] {
  if (scope.depth > LIMITS.sequenceDepth)
    throw new ImagingError('LIMIT_EXCEEDED', 'Sequences are nested too deeply.');
  const found: Element[] = [];
  while (reader.at < scope.end) {
    const head = readHead(reader, scope);
    if (head.tag === ITEM_END && scope.delimited) return inOrder(found);
    found.push(readBody(reader, head, scope));
  }
  if (scope.delimited) throw new ImagingError('TRUNCATED');
  return inOrder(found);
}

/** A tag that comes twice is what two readers take differently: one would see what the other hides. */
function inOrder(elements: readonly Element[]): readonly Element[] {
  const sorted = elements.toSorted((a, b) => a.tag - b.tag);
  if (sorted.some(({ tag }, at) => tag === sorted[at - 1]?.tag)) {
    throw new ImagingError('CORRUPT', 'An element comes twice.');
  }
  return sorted;
}

function readHead(reader: Reader, { end, encoding }: Scope): Head {
  const { view, bytes } = reader;
  const little = !encoding.bigEndian;
  if (reader.at + 8 > end) throw new ImagingError('TRUNCATED');
  reader.elements += 1;
  if (reader.elements > LIMITS.elements)
    throw new ImagingError('LIMIT_EXCEEDED', 'The file has too many elements.');
  const { at } = reader;
  const tag = view.getUint16(at, little) * 0x1_0000 + view.getUint16(at + 2, little);
  if (encoding.implicit || tag >>> 16 === 0xfffe) {
    reader.at += 8;
    return { tag, vr: standardVr(tag) ?? 'UN', length: view.getUint32(at + 4, little) };
  }
  const vr = String.fromCharCode(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0);
  if (!/^[A-Z]{2}$/.test(vr)) throw new ImagingError('CORRUPT', 'An element has no VR.');
  if (hasShortLength(vr)) {
    reader.at += 8;
    return { tag, vr, length: view.getUint16(at + 6, little) };
  }
  if (at + 12 > end) throw new ImagingError('TRUNCATED');
  reader.at += 12;
  return { tag, vr, length: view.getUint32(at + 8, little) };
}

function readBody(reader: Reader, { tag, vr, length }: Head, scope: Scope): Element {
  const undefinedLength = length === UNDEFINED_LENGTH;
  if (!undefinedLength && length > scope.end - reader.at) throw new ImagingError('TRUNCATED');
  if (tag === PIXEL_DATA && undefinedLength) {
    return { kind: 'encapsulated', tag, vr, value: readFragments(reader, scope) };
  }
  if (undefinedLength) {
    // PS3.5 6.2.2: UN of undefined length is a sequence in implicit VR little endian, whatever surrounds it.
    const encoding = vr === 'UN' ? { implicit: true, bigEndian: false } : scope.encoding;
    if (vr !== 'SQ' && vr !== 'UN')
      throw new ImagingError('CORRUPT', 'Only a sequence has an undefined length.');
    return { kind: 'sequence', tag, vr, items: readItems(reader, { ...scope, delimited: true, encoding }) };
  }
  const end = reader.at + length;
  // A private sequence of a known length is not looked into: it goes as a whole.
  if (vr === 'SQ' && (tag >>> 16) % 2 === 0) {
    return { kind: 'sequence', tag, vr, items: readItems(reader, { ...scope, end, delimited: false }) };
  }
  const value = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return { kind: 'value', tag, vr, value };
}

function readItems(reader: Reader, scope: Scope): readonly (readonly Element[])[] {
  const items: (readonly Element[])[] = [];
  while (reader.at < scope.end) {
    const { tag, length } = readHead(reader, scope);
    if (tag === SEQUENCE_END && scope.delimited) return items;
    if (tag !== ITEM) throw new ImagingError('CORRUPT', 'A sequence holds something that is no item.');
    const delimited = length === UNDEFINED_LENGTH;
    if (!delimited && length > scope.end - reader.at) throw new ImagingError('TRUNCATED');
    const end = delimited ? scope.end : reader.at + length;
    items.push(readSet(reader, { ...scope, end, delimited, depth: scope.depth + 1 }));
  }
  if (scope.delimited) throw new ImagingError('TRUNCATED');
  return items;
}

/** Walked by their lengths, so that a delimiter inside a fragment means nothing. */
function readFragments(reader: Reader, scope: Scope): Uint8Array {
  const from = reader.at;
  for (;;) {
    const { tag, length } = readHead(reader, scope);
    if (tag === SEQUENCE_END) return reader.bytes.subarray(from, reader.at);
    if (tag !== ITEM)
      throw new ImagingError('CORRUPT', 'The compressed Pixel Data are not a sequence of items.');
    if (length > scope.end - reader.at) throw new ImagingError('TRUNCATED');
    reader.at += length;
  }
}
