/** What a decoding thread of imaging/ calls, called in this thread: no hop, no copy, no limits of a worker. */
import { cutFrames } from '../../imaging/src/dicom/frames.ts';
import { readHeader } from '../../imaging/src/dicom/header.ts';

/** Stored values of all frames of a DICOM file, colour by pixel. */
export async function storedValues(file: Uint8Array): Promise<Int32Array> {
  const header = readHeader(file);
  const frames = cutFrames(header);
  if (header.frames === 1) return frames.decode(1);
  const all: Int32Array[] = [];
  for (let n = 1; n <= header.frames; n += 1) all.push(await frames.decode(n));
  const values = new Int32Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const frame of all) {
    values.set(frame, at);
    at += frame.length;
  }
  return values;
}
