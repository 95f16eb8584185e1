import type { Contract } from './contract.ts';
import { runInWorker } from './dicom/pool.ts';
import type { Image } from './image.ts';
import { prepared } from './prepared.ts';
import type { Prepared } from './prepared.ts';

export type PrepareOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Of the work, not of its wait for a free thread; default 10 s. */
  readonly timeoutMs?: number | undefined;
};

/**
 * checkDomain and toTensor, with their results and refusals. A DICOM slice goes to a decoding thread: to find its lungs
 * and to resize it takes 4 to 7 ms, in which a server would answer nobody (docs/pressure.md). A picture takes less than
 * 1 ms and stays, for it would cost the memory of a thread where nobody sends DICOM.
 */
export async function prepareImage(
  image: Image,
  contract: Contract,
  { signal, timeoutMs = 10_000 }: PrepareOptions = {},
): Promise<Prepared> {
  signal?.throwIfAborted();
  if (image.kind === 'grey') return prepared(image, contract);
  const result = await runInWorker({ task: 'prepare', image, contract }, { signal, timeoutMs });
  if (result.kind !== 'prepared') throw new Error('the decoding thread answered out of turn');
  return result.prepared;
}
