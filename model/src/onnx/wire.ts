/**
 * The protobuf wire format, as much of it as ONNX files need: varints, fixed 32 and 64 bit fields, and
 * length-delimited ones. https://protobuf.dev/programming-guides/encoding/
 */

/** One field of a message: its number, and its value as a number (varint) or as bytes (all else). */
export interface Field {
  readonly number: number;
  readonly value: number | Uint8Array;
}

/**
 * The fields of a message in file order.
 *
 * @param isCut whether only the beginning of the message is there: then the field that is cut comes as far as it is there
 * @throws RangeError where the bytes end early or are no protobuf
 */
export function* readFields(message: Uint8Array, isCut = false): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined || scale > 2 ** 63) throw new RangeError('protobuf: a varint has no end');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const bytes = (length: number): Uint8Array => {
    if (at + length > message.length && !isCut) {
      throw new RangeError('protobuf: a field is longer than its message');
    }
    return message.subarray(at, (at += length));
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const type = key % 8;
    if (type === 0) yield { number, value: varint() };
    else if (type === 1) yield { number, value: bytes(8) };
    else if (type === 2) yield { number, value: bytes(varint()) };
    else if (type === 5) yield { number, value: bytes(4) };
    else throw new RangeError(`protobuf: wire type ${type} is not known`);
  }
}

/**
 * A field as the pieces that make its bytes, one after the other. Pieces are put together once, at the end: a file's weights
 * are 59 MB, and they go through three messages.
 */
export type Pieces = readonly Uint8Array[];

/** A varint field. `value` is a whole number from 0 to 2^53. */
export function varintField(number: number, value: number): Pieces {
  return [varint(number * 8), varint(value)];
}

/** A length-delimited field: text, bytes, or a message as the list of its fields. */
export function bytesField(number: number, value: string | Uint8Array | readonly Pieces[]): Pieces {
  const pieces =
    typeof value === 'string' ? [Buffer.from(value)] : value instanceof Uint8Array ? [value] : value.flat();
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return [varint(number * 8 + 2), varint(length), ...pieces];
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
