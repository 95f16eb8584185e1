/** Bytes in memory to an array of stored values, one thread on either side. */
import { compare, referencePlugin } from './compare.ts';
import type { Comparison } from './compare.ts';
import type { BenchFile } from './files.ts';
import { iterationsFor, timeOurs, timingOf } from './measure.ts';
import type { Timing } from './measure.ts';
import { storedValues } from './ours.ts';
import type { Peer } from './peer.ts';

export type DecodingRow = {
  readonly file: string;
  readonly syntax: string;
  readonly pixelBytes: number;
  readonly ours: Timing;
  /** pydicom with pylibjpeg, or by itself where nothing is compressed. */
  readonly pydicom: PeerTiming;
  /** With the fastest of the plugins that pydicom has for the syntax, unless that is the one above. */
  readonly fastest: PeerTiming | undefined;
  readonly comparisons: readonly Comparison[];
};

type PeerTiming = { readonly plugin: string; readonly timing: Timing };

// V8 compiles WebAssembly and JavaScript again while they run; after this many both are as fast as they get.
const WARM_UP = 30;
const CALIBRATION = 5;
const PIXELS = 512 * 512;

/** Both sides decode the file in turns, so that what disturbs the machine disturbs both. */
export async function benchDecoding(
  file: BenchFile,
  peer: Peer,
  turns: { readonly count: number; readonly ms: number },
): Promise<DecodingRow> {
  const id = `${file.name} ${file.syntax}`;
  const plugins = await peer.load(id, file.bytes);
  const speeds = await speedsOf(peer, id, plugins);
  const [fastest = ''] = speeds.keys();
  const rivals = [...new Set([referencePlugin(plugins), fastest])];
  const comparisons: Comparison[] = [];
  for (const plugin of rivals) comparisons.push(await compare(file, peer, id, plugin));
  const decode = async () => storedValues(file.bytes);
  const warm = timingOf((await timeOurs(WARM_UP, decode)).slice(-CALIBRATION));
  const ours: number[] = [];
  const theirs = rivals.map((plugin) => ({ plugin, ms: [] as number[] }));
  for (let turn = 0; turn < turns.count; turn += 1) {
    ours.push(...(await timeOurs(iterationsFor(warm.medianMs, turns.ms), decode)));
    for (const { plugin, ms } of theirs) {
      ms.push(...(await peer.time(id, plugin, iterationsFor(speeds.get(plugin) ?? turns.ms, turns.ms))));
    }
  }
  const [pydicom, other] = theirs.map(({ plugin, ms }) => ({ plugin, timing: timingOf(ms) }));
  if (pydicom === undefined) throw new Error('pydicom has no plugin');
  return {
    file: file.name,
    syntax: file.syntax,
    pixelBytes: PIXELS * file.bytesPerPixel,
    ours: timingOf(ours),
    pydicom,
    fastest: other,
    comparisons,
  };
}

/** Milliseconds by plugin, the fastest first. */
async function speedsOf(
  peer: Peer,
  id: string,
  plugins: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const tried: (readonly [string, number])[] = [];
  for (const plugin of plugins) {
    await peer.time(id, plugin, CALIBRATION);
    tried.push([plugin, timingOf(await peer.time(id, plugin, CALIBRATION)).medianMs]);
  }
  return new Map(tried.toSorted(([, a], [, b]) => a - b));
}
