/**
 * Long arrays of numbers in a JSON body, read straight into float32.
 *
 * `JSON.parse` makes a value of each of the 150,000 numbers of a picture of 224 x 224, and what checks and copies them
 * goes over all of them again: three times the work of reading the digits (docs/bench-server.md has what a request
 * costs). Only what is surely right is read here; all else is left to `JSON.parse`, whose word counts.
 */
import { randomUUID } from 'node:crypto';

/** A shorter array is not worth it. */
const LEAST_VALUES = 64;

/** Stands in the text for an array; nobody outside of this process can write it. */
const PLACEHOLDER = `numbers-${randomUUID()}`;

/**
 * `JSON.parse`, but flat arrays of 64 and more plain numbers become Float32Arrays, each number as `Math.fround` of what
 * `JSON.parse` makes of it.
 *
 * @param check of the text that is left, before it is parsed
 * @throws SyntaxError as `JSON.parse`; what `check` throws
 */
export function parseWithNumbers(bytes: Uint8Array, check: (rest: Uint8Array) => void): unknown {
  const lifted = liftNumbers(bytes);
  check(lifted.rest);
  const text = Buffer.from(lifted.rest.buffer, lifted.rest.byteOffset, lifted.rest.byteLength).toString();
  if (lifted.arrays.length === 0) return JSON.parse(text) as unknown;
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || !(PLACEHOLDER in value)) return value;
    return lifted.arrays[Number(Reflect.get(value, PLACEHOLDER))];
  }) as unknown;
}

interface Lifted {
  readonly rest: Uint8Array;
  readonly arrays: readonly Float32Array[];
}

function liftNumbers(bytes: Uint8Array): Lifted {
  const parts: Uint8Array[] = [];
  const arrays: Float32Array[] = [];
  let kept = 0;
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
    } else if (byte === OPEN) {
      const found = readNumbers(bytes, at + 1);
      if (found === undefined) {
        at += 1;
      } else if (typeof found === 'number') {
        at = found;
      } else {
        const { values, end } = found;
        const placeholder = Buffer.from(`{"${PLACEHOLDER}":${arrays.length}}`);
        parts.push(bytes.subarray(kept, at), placeholder);
        arrays.push(values);
        kept = end;
        at = end;
      }
    } else {
      at += 1;
    }
  }
  if (arrays.length === 0) return { rest: bytes, arrays };
  parts.push(bytes.subarray(kept));
  return { rest: Buffer.concat(parts), arrays };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const SPACE = 0x20;

/** The place behind a string that begins at `start`; the end where it does not end. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = bytes.indexOf(QUOTE, start + 1);
  while (at !== -1) {
    let slashes = 0;
    while (bytes[at - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at + 1;
    at = bytes.indexOf(QUOTE, at + 1);
  }
  return bytes.length;
}

// More digits do not fit into a double exactly, and neither do higher powers of ten.
const DIGITS_MOST = 15;
const POWERS = Float64Array.from({ length: DIGITS_MOST + 1 }, (_, power) => Number(`1e${power}`));

// Most arrays of a nested tensor have three numbers: they take no memory of their own.
const SCRATCH = new Float32Array(1024);

/** What stands behind a bracket, up to its own; only where it ends for few plain numbers, undefined for anything else. */
function readNumbers(
  bytes: Uint8Array,
  start: number,
): { readonly values: Float32Array; readonly end: number } | number | undefined {
  if (!startsLikeNumber(bytes[start])) return undefined;
  let values = SCRATCH;
  let count = 0;
  let at = start;
  for (;;) {
    while (bytes[at] === SPACE) at += 1;
    const from = at;
    const negative = bytes[at] === MINUS;
    if (negative) at += 1;
    let mantissa = 0;
    let digits = 0;
    let byte = bytes[at] ?? 0;
    const first = byte;
    for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] ?? 0) {
      mantissa = mantissa * 10 + (byte - ZERO);
      digits += 1;
    }
    if (digits === 0 || (first === ZERO && digits > 1)) return undefined;
    let decimals = 0;
    if (byte === POINT) {
      byte = bytes[++at] ?? 0;
      for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] ?? 0) {
        mantissa = mantissa * 10 + (byte - ZERO);
        decimals += 1;
      }
      if (decimals === 0) return undefined;
    }
    // Both exact, so that their quotient is rounded once, as by any right parser (Clinger 1990).
    let value = mantissa / (POWERS[decimals] ?? 1);
    if (negative) value = -value;
    if (digits + decimals > DIGITS_MOST || (byte | 0x20) === 0x65) {
      at = endOfNumber(bytes, at);
      value = slowly(bytes, from, at);
      if (Number.isNaN(value)) return undefined;
      byte = bytes[at] ?? 0;
    }
    if (count === values.length) values = grown(values);
    values[count++] = value;
    while (byte === SPACE) byte = bytes[++at] ?? 0;
    if (byte === COMMA) {
      at += 1;
    } else if (byte === CLOSE) {
      return count < LEAST_VALUES ? at + 1 : { values: values.slice(0, count), end: at + 1 };
    } else {
      return undefined;
    }
  }
}

function startsLikeNumber(byte: number | undefined): boolean {
  return byte === MINUS || byte === SPACE || (byte !== undefined && byte >= ZERO && byte <= NINE);
}

function endOfNumber(bytes: Uint8Array, start: number): number {
  let at = start;
  while (/[0-9eE+.-]/.test(String.fromCharCode(bytes[at] ?? 0))) at += 1;
  return at;
}

// As JSON has them; `Number` takes more, such as hexadecimal.
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function slowly(bytes: Uint8Array, from: number, to: number): number {
  const text = Buffer.from(bytes.subarray(from, to)).toString('latin1');
  return NUMBER.test(text) ? Number(text) : Number.NaN;
}

function grown(values: Float32Array): Float32Array<ArrayBuffer> {
  const larger = new Float32Array(values.length * 2);
  larger.set(values);
  return larger;
}
