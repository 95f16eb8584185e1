/** A batch of slices to Hounsfield units: our public API with its threads, beside pydicom in one process. */
import { closeDecoders, decodeImage } from '@hilum/imaging';
import { referencePlugin } from './compare.ts';
import type { BenchFile } from './files.ts';
import { timingOf } from './measure.ts';
import type { Timing } from './measure.ts';
import type { Peer } from './peer.ts';

export type BatchRow = {
  readonly syntax: string;
  readonly slices: number;
  readonly ours: Timing;
  readonly pydicom: Timing;
};

/** The files of one row are repeated to `slices`; both sides take them all, in turns. */
export async function benchBatch(
  files: readonly BenchFile[],
  peer: Peer,
  size: { readonly slices: number; readonly turns: number },
): Promise<BatchRow> {
  const batch = Array.from({ length: size.slices }, (_, k) => files[k % files.length] as BenchFile);
  let plugin = 'native';
  for (const file of files) plugin = referencePlugin(await peer.load(`batch ${file.name}`, file.bytes));
  const ids = batch.map(({ name }) => `batch ${name}`);
  const decodeAll = async () => Promise.all(batch.map(async ({ bytes }) => decodeImage(bytes)));
  // Threads start and compile.
  await decodeAll();
  await peer.batch(ids, plugin);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let turn = 0; turn < size.turns; turn += 1) {
    const start = performance.now();
    await decodeAll();
    ours.push(performance.now() - start);
    theirs.push(await peer.batch(ids, plugin));
  }
  await closeDecoders();
  return {
    syntax: files[0]?.syntax ?? '',
    slices: size.slices,
    ours: timingOf(ours),
    pydicom: timingOf(theirs),
  };
}
