import dicomParser from 'dicom-parser';
import type { DataSet, Element } from 'dicom-parser';
import { ImagingError } from '../errors.ts';
import { LIMITS, checkLimit } from './limits.ts';

/** How the elements of a data set are written (PS3.5 7.1). */
export type Encoding = { readonly explicit: boolean; readonly littleEndian: boolean };

export const UNDEFINED_LENGTH = 0xff_ff_ff_ff;
const PIXEL_DATA = 0x7fe0_0010;

const ITEM = 0xfffe_e000;
const ITEM_END = 0xfffe_e00d;
const SEQUENCE_END = 0xfffe_e0dd;
// PS3.5 7.1.2: these have a length of 16 bits, every other VR, those still to come included, one of 32 bits.
const SHORT_VRS = new Set('AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US'.split(' '));

/**
 * The elements of a data set up to Pixel Data, of which those `wanted` are kept, at every depth. A walk of our own:
 * dicom-parser's recurses as deep as the file asks, keeps every element, and takes the 64-bit VRs (OV of the
 * Extended Offset Table) for short ones. A sequence that nobody wants is stepped over where its length is known.
 * dicom-parser's DataSet then reads the values. Throws ImagingError.
 */
export function readElements(bytes: Uint8Array, encoding: Encoding, wanted: ReadonlySet<number>): DataSet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const walk: Walk = { bytes, view, wanted, littleEndian: encoding.littleEndian, visited: 0 };
  const top = { explicit: encoding.explicit, depth: 0, keep: true };
  const { elements } = readItem(walk, { at: 0, end: bytes.length, delimited: false }, top);
  return dataSet(walk, elements);
}

/** The key of an element in dicom-parser's DataSet. */
export function keyOf(tag: number): string {
  return `x${tag.toString(16).padStart(8, '0')}`;
}

type Walk = {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly wanted: ReadonlySet<number>;
  readonly littleEndian: boolean;
  visited: number;
};
type Elements = Record<string, Element>;
/** Bytes from `at` to `end` at most; a delimited one ends earlier, with its delimiter. */
type Span = { readonly at: number; readonly end: number; readonly delimited: boolean };
/** Where the walk is; nothing is kept of what lies in a sequence that nobody wants. */
type Place = { readonly explicit: boolean; readonly depth: number; readonly keep: boolean };
/** dicom-parser's shape of an item. */
type Item = Element & { readonly dataSet: DataSet };

function readItem(walk: Walk, span: Span, place: Place) {
  if (place.depth > LIMITS.sequenceDepth) {
    throw new ImagingError('LIMIT_EXCEEDED', 'The sequences of the file are nested too deep.');
  }
  const elements: Elements = {};
  let at = span.at;
  while (at < span.end) {
    const head = readHead(walk, at, span.end, place.explicit);
    if (head.tag === ITEM_END && span.delimited) return { elements, at: head.from };
    const keep = place.keep && walk.wanted.has(head.tag);
    const pixels = place.depth === 0 && head.tag === PIXEL_DATA;
    const value = pixels ? { at: head.from } : readValue(walk, head, span.end, { ...place, keep });
    if (keep) elements[keyOf(head.tag)] = elementOf(head, value);
    if (pixels) break;
    at = value.at;
  }
  if (span.delimited) throw cutOrCorrupt(walk, span.end);
  return { elements, at };
}

type Value = { readonly at: number; readonly items?: Item[] };

function elementOf(head: Head, { at, items }: Value): Element {
  const element = { tag: keyOf(head.tag), length: head.length, dataOffset: head.from };
  return items === undefined ? element : { ...element, length: at - head.from, items };
}

type Head = { readonly tag: number; readonly vr: string; readonly length: number; readonly from: number };

/** Tag, VR where there is one, and length; counts the element. */
function readHead(walk: Walk, at: number, end: number, explicit: boolean): Head {
  const { view, littleEndian } = walk;
  if (at + 8 > end) throw cutOrCorrupt(walk, end);
  walk.visited += 1;
  if (walk.visited > LIMITS.elements) {
    throw new ImagingError('LIMIT_EXCEEDED', `The file has more than ${LIMITS.elements} elements.`);
  }
  const tag = view.getUint16(at, littleEndian) * 0x1_00_00 + view.getUint16(at + 2, littleEndian);
  // Items and delimiters have no VR in either encoding (PS3.5 7.5).
  if (!explicit || tag >= ITEM) {
    return { tag, vr: '', length: view.getUint32(at + 4, littleEndian), from: at + 8 };
  }
  const vr = String.fromCodePoint(view.getUint8(at + 4), view.getUint8(at + 5));
  if (SHORT_VRS.has(vr)) return { tag, vr, length: view.getUint16(at + 6, littleEndian), from: at + 8 };
  if (!/^[A-Z]{2}$/.test(vr)) throw new ImagingError('CORRUPT', 'An element has no value representation.');
  if (at + 12 > end) throw cutOrCorrupt(walk, end);
  return { tag, vr, length: view.getUint32(at + 8, littleEndian), from: at + 12 };
}

/** Steps over a value, or into it where it is a sequence. */
function readValue(walk: Walk, head: Head, end: number, { explicit, depth, keep }: Place): Value {
  const { tag, vr, length, from } = head;
  const delimited = length === UNDEFINED_LENGTH;
  if (!delimited && from + length > end) throw cutOrCorrupt(walk, end);
  const sequence = delimited || (keep && (vr === 'SQ' || (vr === '' && startsItem(walk, from, length))));
  if (!sequence) return { at: from + length };
  if (explicit && delimited && vr !== 'SQ' && vr !== 'UN') {
    // Encapsulated pixels of an icon: fragments, which hold no elements.
    if (tag !== PIXEL_DATA)
      throw new ImagingError('CORRUPT', 'An element of undefined length is no sequence.');
    return { at: skipFragments(walk, from, end) };
  }
  const span = { at: from, end: delimited ? end : from + length, delimited };
  // PS3.5 6.2.2: UN of undefined length holds implicit VR.
  return readItems(walk, span, { explicit: explicit && vr !== 'UN', depth: depth + 1, keep });
}

function readItems(walk: Walk, span: Span, place: Place): Value {
  const items: Item[] = [];
  let at = span.at;
  while (at < span.end) {
    const head = readHead(walk, at, span.end, place.explicit);
    if (head.tag === SEQUENCE_END && span.delimited) return { items, at: head.from };
    if (head.tag !== ITEM) throw new ImagingError('CORRUPT', 'A sequence holds something else than items.');
    const delimited = head.length === UNDEFINED_LENGTH;
    const end = delimited ? span.end : head.from + head.length;
    if (end > span.end) throw cutOrCorrupt(walk, span.end);
    const inner = readItem(walk, { at: head.from, end, delimited }, place);
    at = inner.at;
    if (place.keep) items.push(itemOf(walk, head, inner));
    checkLimit('frames', items.length, 'items in one sequence');
  }
  if (span.delimited) throw cutOrCorrupt(walk, span.end);
  return { items, at };
}

function itemOf(walk: Walk, head: Head, { elements, at }: { elements: Elements; at: number }): Item {
  const length = at - head.from;
  return { tag: keyOf(ITEM), length, dataOffset: head.from, dataSet: dataSet(walk, elements) };
}

function skipFragments(walk: Walk, from: number, end: number): number {
  for (let at = from; ;) {
    const { tag, length, from: value } = readHead(walk, at, end, false);
    if (tag === SEQUENCE_END) return value;
    if (tag !== ITEM || value + length > end) throw cutOrCorrupt(walk, end);
    at = value + length;
  }
}

/** Implicit VR does not say what a sequence is; one that is wanted is known by its first item. */
function startsItem(walk: Walk, from: number, length: number): boolean {
  if (length < 8) return false;
  const { view, littleEndian } = walk;
  return view.getUint16(from, littleEndian) === 0xfffe && view.getUint16(from + 2, littleEndian) === 0xe000;
}

/** What runs over the end of the file was cut; what runs over the end of its item lies. */
function cutOrCorrupt(walk: Walk, end: number): ImagingError {
  if (end === walk.bytes.length) return new ImagingError('TRUNCATED');
  return new ImagingError('CORRUPT', 'An element is longer than the item that holds it.');
}

function dataSet(walk: Walk, elements: Elements): DataSet {
  const parser = walk.littleEndian
    ? dicomParser.littleEndianByteArrayParser
    : dicomParser.bigEndianByteArrayParser;
  return new dicomParser.DataSet(parser, walk.bytes, elements);
}
