/**
 * The files of a form (multipart/form-data, RFC 7578) that is in memory, as views of it: the platform's own parser
 * copies a series three times and takes any number of parts.
 */
import { ServerError } from '../errors.ts';

export interface FormFile {
  readonly name: string;
  /** A view of the body. */
  readonly bytes: Uint8Array;
}

// RFC 2046 5.1.1. Without quotes it ends where a token does.
const BOUNDARY = /;\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i;
const HEAD_MAX_BYTES = 16_384;
const CRLF = Buffer.from('\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * Parts that have no file name are words of the form, and passed over.
 *
 * @param type the Content-Type header
 * @param maxParts words counted
 * @throws ServerError MULTIPART_INVALID, SERIES_TOO_LARGE
 */
export function filesOfForm(body: Uint8Array, type: string, maxParts: number): readonly FormFile[] {
  const [, quoted, token] = BOUNDARY.exec(type) ?? [];
  const boundary = quoted ?? token;
  if (boundary === undefined) throw invalid('the Content-Type of the form names no boundary');
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const files: FormFile[] = [];
  let at = startOf(bytes, delimiter);
  for (let part = 0; !isLast(bytes, at); part += 1) {
    if (part === maxParts)
      throw new ServerError('SERIES_TOO_LARGE', `the form has more than ${maxParts} parts`);
    const head = lineEnd(bytes, at);
    // Headers may be none: then the blank line follows at once.
    const headEnd = bytes.subarray(0, head + HEAD_MAX_BYTES).indexOf(HEAD_END, head);
    if (headEnd < 0) throw invalid('the headers of a part do not end');
    const start = headEnd + HEAD_END.byteLength;
    const end = bytes.indexOf(delimiter, headEnd + CRLF.byteLength);
    if (end < 0) throw invalid('the form does not end with its boundary');
    const name = fileNameOf(bytes.subarray(head, headEnd).toString('utf8'));
    if (name !== undefined) files.push({ name, bytes: bytes.subarray(start, Math.max(start, end)) });
    at = end + delimiter.byteLength;
  }
  return files;
}

/** Behind the first boundary: it begins the body, or a line after a preamble that nobody reads. */
function startOf(bytes: Buffer, delimiter: Buffer): number {
  const first = delimiter.subarray(CRLF.byteLength);
  if (bytes.subarray(0, first.byteLength).equals(first)) return first.byteLength;
  const found = bytes.indexOf(delimiter);
  if (found < 0) throw invalid('the form does not begin with its boundary');
  return found + delimiter.byteLength;
}

function isLast(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0x2d && bytes[at + 1] === 0x2d;
}

/** Where the line break stands behind a boundary, which only blanks may part from it. */
function lineEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x09) at += 1;
  if (bytes[at] !== 0x0d || bytes[at + 1] !== 0x0a) throw invalid('a boundary does not end its line');
  return at;
}

/** Undefined where the part is no file. */
function fileNameOf(head: string): string | undefined {
  const line = head.split('\r\n').find((each) => /^content-disposition\s*:/i.test(each));
  if (line === undefined || !/:\s*form-data\s*(;|$)/i.test(line)) {
    throw invalid('a part does not say that it is of a form');
  }
  // The quote that ends it is the one behind which the parameter ends: a backslash before it may be the name's own.
  const [, name] = /;\s*filename=("[^\r\n]*?"(?=\s*(?:;|$))|[^;\s]*)/i.exec(line) ?? [];
  if (name === undefined) return undefined;
  if (!name.startsWith('"')) return name;
  // Browsers write %22 for a quote (HTML, multipart/form-data encoding algorithm), and curl before 7.81 a backslash.
  return name
    .slice(1, -1)
    .replaceAll('\\"', '"')
    .replaceAll(/%(22|0D|0A)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function invalid(detail: string): ServerError {
  return new ServerError('MULTIPART_INVALID', detail);
}
