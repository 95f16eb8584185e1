import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { closeDecoders } from '../src/dicom/pool.ts';
import { decodeImage } from '../src/index.ts';
import { aSlice } from './edit-dicom.ts';

afterAll(closeDecoders);

const reason = new Error('the client left');

const SIDE = 1_024;
const slice = aSlice({ rows: SIDE, columns: SIDE, hu: Array.from({ length: SIDE * SIDE }, () => 0) });

describe('a decoding thread', () => {
  it('outlives the callers that leave while it decodes', async () => {
    await decodeImage(slice);
    const before = await threadsSoFar();
    for (let n = 0; n < 20; n += 1) {
      const leaving = new AbortController();
      const decoding = decodeImage(slice, { signal: leaving.signal });
      setImmediate(() => leaving.abort(reason));
      await expect(decoding).rejects.toBe(reason);
    }
    expect((await decodeImage(slice)).source).toBe('dicom');
    // The pool may still grow to its size.
    expect((await threadsSoFar()) - before).toBeLessThan(6);
  });
});

/** Threads are numbered as they are made; this one counts too. */
async function threadsSoFar(): Promise<number> {
  const worker = new Worker('', { eval: true });
  const { threadId } = worker;
  await worker.terminate();
  return threadId;
}
