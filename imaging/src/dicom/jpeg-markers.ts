import { ImagingError } from '../errors.ts';

/** One marker segment of a JPEG (ISO/IEC 10918-1 B.1.1.4): `body` without marker and length, `next` what follows it. */
export type Segment = { readonly marker: number; readonly body: Uint8Array; readonly next: number };

/** SOFn: what the frame says of itself. `marker` tells the process (C0 baseline, C3 lossless, F7 JPEG-LS). */
export type JpegFrame = {
  readonly marker: number;
  readonly bits: number;
  readonly rows: number;
  readonly columns: number;
  readonly components: readonly { readonly id: number; readonly sampling: number }[];
};

export const Marker = {
  baseline: 0xc0,
  extended: 0xc1,
  lossless: 0xc3,
  huffmanTables: 0xc4,
  restart: 0xd0,
  start: 0xd8,
  end: 0xd9,
  scan: 0xda,
  restartInterval: 0xdd,
  jpegLs: 0xf7,
} as const;

/** Where the first segment is: after SOI. */
export function afterStart(frame: Uint8Array): number {
  if (frame.length < 4) throw new ImagingError('TRUNCATED');
  if (frame[0] !== 0xff || frame[1] !== Marker.start)
    throw new ImagingError('CORRUPT', 'The frame is no JPEG.');
  return 2;
}

/** The segment at `at`; EOI is one with an empty body. Throws TRUNCATED where the bytes end before it does. */
export function segmentAt(frame: Uint8Array, at: number): Segment {
  let from = at;
  if (frame[from] !== 0xff && from < frame.length) throw new ImagingError('CORRUPT');
  // Any number of fill bytes FF may stand before a marker (B.1.1.2).
  while (frame[from] === 0xff) from += 1;
  const marker = frame[from];
  if (marker === undefined) throw new ImagingError('TRUNCATED');
  if (marker === Marker.end) return { marker, body: frame.subarray(0, 0), next: from + 1 };
  const length = word(frame, from + 1);
  const next = from + 1 + length;
  if (length < 2 || marker === 0) throw new ImagingError('CORRUPT');
  if (next > frame.length) throw new ImagingError('TRUNCATED');
  return { marker, body: frame.subarray(from + 3, next), next };
}

/** The frame header; any number of other segments may come before it, a scan or the end may not. */
export function jpegFrame(frame: Uint8Array): JpegFrame {
  let at = afterStart(frame);
  for (;;) {
    const { marker, body, next } = segmentAt(frame, at);
    if (marker === Marker.scan || marker === Marker.end) {
      throw new ImagingError('CORRUPT', 'The JPEG has no frame header.');
    }
    if (isFrameHeader(marker)) return readFrame(marker, body);
    at = next;
  }
}

/** SOF0-15 but for DHT, JPG and DAC, and SOF55 of JPEG-LS. */
export function isFrameHeader(marker: number): boolean {
  const process = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
  return process || marker === Marker.jpegLs;
}

/** B.2.2. */
export function readFrame(marker: number, body: Uint8Array): JpegFrame {
  const count = body[5] ?? 0;
  if (count === 0 || body.length !== 6 + 3 * count) throw new ImagingError('CORRUPT');
  const components = Array.from({ length: count }, (_, at) => ({
    id: body[6 + 3 * at] ?? 0,
    sampling: body[7 + 3 * at] ?? 0,
  }));
  return { marker, bits: body[0] ?? 0, rows: word(body, 1), columns: word(body, 3), components };
}

/** Big-endian, as everything in a JPEG. */
export function word(bytes: Uint8Array, at: number): number {
  const low = bytes[at + 1];
  if (low === undefined) throw new ImagingError('TRUNCATED');
  return (bytes[at] ?? 0) * 256 + low;
}
