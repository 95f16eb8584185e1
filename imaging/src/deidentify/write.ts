/** A data set as a Part 10 file (PS3.10 7.1), in the transfer syntax it came in. */
import { deflateRawSync } from 'node:zlib';
import { ImagingError } from '../errors.ts';
import { hasShortLength, ITEM, UNDEFINED_LENGTH } from './elements.ts';
import type { Element, Encoding, ValueElement } from './elements.ts';

export type FileMeta = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntax: string;
};

const EXPLICIT_LE: Encoding = { implicit: false, bigEndian: false };
const PREAMBLE_BYTES = 128;
// 2.25 and a UUID (PS3.5 B.2): the software that wrote the file.
const IMPLEMENTATION_CLASS_UID = '2.25.140975675908959859704466190820991276521';
const IMPLEMENTATION_VERSION = 'HILUM';

/**
 * Preamble of zeros, new file meta information, data set. Sequences are written with defined lengths; what is deflated
 * is deflated again.
 */
export function writePart10(
  elements: readonly Element[],
  encoding: Encoding,
  meta: FileMeta,
  deflated: boolean,
): Uint8Array {
  const body = joined(chunksOf(elements, encoding));
  const data = deflated ? evenly(deflateRawSync(body)) : body;
  return joined([new Uint8Array(PREAMBLE_BYTES), Buffer.from('DICM'), ...metaChunks(meta), data]);
}

/** Text as the value of an element; `\0` fills up a UI, a space all else. */
export function textElement(tag: number, vr: string, text: string): ValueElement {
  const pad = text.length % 2 === 0 ? '' : vr === 'UI' ? '\0' : ' ';
  return { kind: 'value', tag, vr, value: Buffer.from(text + pad, 'latin1') };
}

function metaChunks(meta: FileMeta): readonly Uint8Array[] {
  const chunks = chunksOf(
    [
      { kind: 'value', tag: 0x0002_0001, vr: 'OB', value: Uint8Array.of(0, 1) },
      textElement(0x0002_0002, 'UI', meta.sopClassUid),
      textElement(0x0002_0003, 'UI', meta.sopInstanceUid),
      textElement(0x0002_0010, 'UI', meta.transferSyntax),
      textElement(0x0002_0012, 'UI', IMPLEMENTATION_CLASS_UID),
      textElement(0x0002_0013, 'SH', IMPLEMENTATION_VERSION),
    ],
    EXPLICIT_LE,
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(size(chunks));
  return [
    ...chunksOf([{ kind: 'value', tag: 0x0002_0000, vr: 'UL', value: length }], EXPLICIT_LE),
    ...chunks,
  ];
}

function chunksOf(elements: readonly Element[], encoding: Encoding): Uint8Array[] {
  return elements.flatMap((element) => {
    if (element.kind === 'encapsulated') {
      return [headOf(element.tag, element.vr, UNDEFINED_LENGTH, encoding), element.value];
    }
    const value =
      element.kind === 'value'
        ? [evenly(element.value)]
        : element.items.flatMap((item) => {
            const chunks = chunksOf(item, encoding);
            return [tagAndLength(ITEM, size(chunks), encoding), ...chunks];
          });
    return [headOf(element.tag, element.vr, size(value), encoding), ...value];
  });
}

function headOf(tag: number, vr: string, length: number, encoding: Encoding): Uint8Array {
  if (encoding.implicit) return tagAndLength(tag, length, encoding);
  const short = hasShortLength(vr);
  if (short && length > 0xffff) throw new ImagingError('CORRUPT', 'A value is longer than its VR allows.');
  const head = Buffer.alloc(short ? 8 : 12);
  head.set(tagAndLength(tag, length, encoding).subarray(0, 4));
  head.write(vr, 4, 'latin1');
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (short) view.setUint16(6, length, !encoding.bigEndian);
  else view.setUint32(8, length, !encoding.bigEndian);
  return head;
}

function tagAndLength(tag: number, length: number, { bigEndian }: Encoding): Uint8Array {
  if (length > UNDEFINED_LENGTH) throw new ImagingError('LIMIT_EXCEEDED');
  const view = new DataView(new ArrayBuffer(8));
  view.setUint16(0, tag >>> 16, !bigEndian);
  view.setUint16(2, tag & 0xffff, !bigEndian);
  view.setUint32(4, length, !bigEndian);
  return new Uint8Array(view.buffer);
}

/** PS3.5 7.1.1: a value has an even length. */
function evenly(value: Uint8Array): Uint8Array {
  return value.length % 2 === 0 ? value : joined([value, new Uint8Array(1)]);
}

const size = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

/** Not Buffer.concat: its result may be a view of a pool that is shared. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(size(chunks));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
