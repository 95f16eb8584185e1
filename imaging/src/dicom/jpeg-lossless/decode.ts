import { ImagingError } from '../../errors.ts';
import { Marker, afterStart, isFrameHeader, readFrame, segmentAt, word } from '../jpeg-markers.ts';
import type { JpegFrame } from '../jpeg-markers.ts';
import { readDifferences, scanTables, unstuff } from './entropy.ts';
import type { ScanTables } from './entropy.ts';
import { readHuffmanTables } from './huffman.ts';
import type { HuffmanTable } from './huffman.ts';
import { reconstruct, reconstructFirst } from './predict.ts';

/** What SOS says (ISO/IEC 10918-1 B.2.3, H.1): the components by their place in the frame, and their tables. */
type Scan = {
  readonly components: readonly number[];
  readonly tables: ScanTables;
  readonly selection: number;
  readonly pointTransform: number;
};

/**
 * JPEG lossless, Huffman coded (process 14: DICOM .57, and .70 where the predictor is 1): ISO/IEC 10918-1 annex H.
 * All seven predictors, 2 to 16 bits, point transform, restart intervals, components in one scan or several.
 * Returns the samples by pixel, unsigned as the format has them. `accept` is asked, before anything is allocated,
 * whether the frame is of the size awaited. TRUNCATED where the data end before the last sample, never a guess.
 */
export function decodeJpegLossless(frame: Uint8Array, accept: (found: JpegFrame) => void): Uint16Array {
  const tables = new Map<number, HuffmanTable>();
  let header: JpegFrame | undefined;
  let samples = new Uint16Array();
  let restartInterval = 0;
  const missing = new Set<number>();
  let at = afterStart(frame);
  for (;;) {
    const { marker, body, next } = segmentAt(frame, at);
    at = next;
    if (marker === Marker.end) break;
    if (marker === Marker.huffmanTables) readHuffmanTables(body, tables);
    else if (marker === Marker.restartInterval) restartInterval = word(body, 0);
    else if (isFrameHeader(marker)) {
      if (header !== undefined) throw new ImagingError('CORRUPT', 'The JPEG has two frame headers.');
      header = checked(readFrame(marker, body));
      accept(header);
      samples = new Uint16Array(header.rows * header.columns * header.components.length);
      for (const component of header.components.keys()) missing.add(component);
    } else if (marker === Marker.scan) {
      if (header === undefined) throw new ImagingError('CORRUPT', 'The JPEG has no frame header.');
      const scan = readScan(body, header, tables);
      for (const component of scan.components) {
        if (!missing.delete(component)) throw new ImagingError('CORRUPT', 'The JPEG has a component twice.');
      }
      at = decodeScan(frame, at, header, scan, restartInterval, samples);
    }
  }
  if (header === undefined || missing.size > 0) throw new ImagingError('TRUNCATED');
  return samples;
}

function checked(header: JpegFrame): JpegFrame {
  if (header.marker !== Marker.lossless) throw new ImagingError('CORRUPT', 'The frame is no lossless JPEG.');
  if (header.bits < 2 || header.bits > 16) throw new ImagingError('CORRUPT');
  if (header.rows === 0 || header.columns === 0) throw new ImagingError('PIXEL_LENGTH_MISMATCH');
  const [{ sampling } = { sampling: 0 }] = header.components;
  if (header.components.some((component) => component.sampling !== sampling)) {
    throw new ImagingError('PIXEL_FORMAT_UNSUPPORTED', 'The components of the JPEG differ in resolution.');
  }
  return header;
}

function readScan(body: Uint8Array, header: JpegFrame, tables: ReadonlyMap<number, HuffmanTable>): Scan {
  const count = body[0] ?? 0;
  if (count === 0 || count > header.components.length || body.length !== 4 + 2 * count)
    throw new ImagingError('CORRUPT');
  const picked = Array.from({ length: count }, (_, at) => {
    const component = header.components.findIndex(({ id }) => id === body[1 + 2 * at]);
    const table = tables.get((body[2 + 2 * at] ?? 0) >>> 4);
    if (component === -1 || table === undefined) {
      throw new ImagingError('CORRUPT', 'The scan names a component or a table that the JPEG does not have.');
    }
    return { component, table };
  });
  const [selection = 0, , approximation = 0] = body.subarray(1 + 2 * count);
  const pointTransform = approximation & 15;
  if (selection < 1 || selection > 7 || pointTransform >= header.bits) throw new ImagingError('CORRUPT');
  return {
    components: picked.map(({ component }) => component),
    tables: scanTables(picked.map(({ table }) => table)),
    selection,
    pointTransform,
  };
}

/** Returns where the marker after the scan is. */
function decodeScan(
  frame: Uint8Array,
  from: number,
  { rows, columns, bits, components }: JpegFrame,
  scan: Scan,
  restartInterval: number,
  samples: Uint16Array,
): number {
  // H.1.1: a restart falls on the start of a row.
  if (restartInterval % columns !== 0) throw new ImagingError('CORRUPT');
  const restartRows = restartInterval === 0 ? rows : restartInterval / columns;
  const width = columns * scan.components.length;
  // No code with its difference is longer than 32 bits.
  const { view, intervals, next } = unstuff(frame, from, 4 * width + 8);
  const wanted = Math.ceil(rows / restartRows);
  if (intervals.length < wanted) throw new ImagingError('TRUNCATED');
  if (intervals.length > wanted) throw new ImagingError('CORRUPT', 'The JPEG restarts too often.');
  const differences = new Int32Array(width);
  const above = columns * components.length;
  const origin = 1 << (bits - scan.pointTransform - 1);
  let bit = 0;
  for (let row = 0; row < rows; row += 1) {
    const interval = intervals[Math.floor(row / restartRows)] ?? { startBit: 0, endBit: 0 };
    const restarts = row % restartRows === 0;
    if (restarts) bit = interval.startBit;
    bit = readDifferences(view, bit, scan.tables, differences);
    if (bit > interval.endBit) throw new ImagingError('TRUNCATED');
    const last = row === rows - 1 || (row + 1) % restartRows === 0;
    // Up to 7 bits fill the last byte; some writers add a byte. More were samples of a picture of another size.
    if (last && interval.endBit - bit >= 16) {
      throw new ImagingError('CORRUPT', 'The JPEG holds more than the samples it declares.');
    }
    let all = 0;
    for (const [place, component] of scan.components.entries()) {
      const part = {
        samples,
        start: row * above + component,
        stride: components.length,
        differences,
        from: place,
        step: scan.components.length,
        columns,
      };
      all |= restarts ? reconstructFirst(part, origin) : reconstruct(part, scan.selection, above);
    }
    if (all >>> (bits - scan.pointTransform) !== 0) {
      throw new ImagingError('CORRUPT', 'The JPEG holds a sample of more bits than it declares.');
    }
  }
  if (scan.pointTransform > 0) scaleUp(samples, scan.components, components.length, scan.pointTransform);
  return next;
}

function scaleUp(samples: Uint16Array, offsets: readonly number[], stride: number, by: number): void {
  for (const offset of offsets) {
    for (let at = offset; at < samples.length; at += stride) samples[at] = (samples[at] ?? 0) << by;
  }
}
