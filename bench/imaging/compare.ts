import { createHash } from 'node:crypto';
import type { BenchFile } from './files.ts';
import { storedValues } from './ours.ts';
import type { Peer } from './peer.ts';

export type Comparison = {
  readonly name: string;
  readonly syntax: string;
  /** Of the stored values as little-endian int32, hexadecimal. */
  readonly sha256: { readonly ours: string; readonly pydicom: string };
  readonly maxDifference: number;
  /** Share of the values that differ. */
  readonly differing: number;
  readonly tolerance: number;
  readonly equal: boolean;
};

/** Our stored values beside those of pydicom with one of its plugins, all of them. */
export async function compare(file: BenchFile, peer: Peer, id: string, plugin: string): Promise<Comparison> {
  const ours = await storedValues(file.bytes);
  const theirs = await peer.pixels(id, plugin);
  let maxDifference = ours.length === theirs.length ? 0 : Infinity;
  let differing = 0;
  for (let at = 0; at < ours.length; at += 1) {
    const difference = Math.abs((ours[at] ?? 0) - (theirs[at] ?? 0));
    if (difference > 0) differing += 1;
    if (difference > maxDifference) maxDifference = difference;
  }
  const sha256 = { ours: digest(ours), pydicom: digest(theirs) };
  return {
    name: file.name,
    syntax: file.syntax,
    sha256,
    maxDifference,
    differing: differing / ours.length,
    tolerance: file.tolerance,
    equal: file.tolerance === 0 ? sha256.ours === sha256.pydicom : maxDifference <= file.tolerance,
  };
}

/** pylibjpeg where it decodes the syntax, as in the project's table of expected pixels. */
export function referencePlugin(plugins: readonly string[]): string {
  const [first = 'native'] = plugins;
  return plugins.includes('pylibjpeg') ? 'pylibjpeg' : first;
}

function digest(values: Int32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}
