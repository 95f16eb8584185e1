/** A whole series, from files to the network's tensors: how fast, and whether its memory grows with its length. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dicomVenv, run } from '@hilum/hack';
import { z } from 'zod';
import { dataPath } from './files.ts';
import { timingOf } from './measure.ts';
import { ONE_THREAD } from './peer.ts';

export type SeriesRow = {
  readonly slices: number;
  readonly ours: SeriesSide;
  readonly pydicom: SeriesSide;
};

/** Medians of the runs. */
type SeriesSide = { readonly seconds: number; readonly peakMiB: number };

// Twice as long may cost a garbage collector's mood, not slices: 200 more have 100 MiB as files, 200 MiB as floats.
export const GROWTH_MAX_MIB = 64;

export async function benchSeries(lengths: readonly number[], turns: number): Promise<readonly SeriesRow[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'hilum-bench-'));
  try {
    const rows: SeriesRow[] = [];
    for (const length of lengths) rows.push(await benchLength(join(scratch, String(length)), length, turns));
    return rows;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** How much more our side took at its peak for the longest series than for the shortest. */
export function growthMiB(rows: readonly SeriesRow[]): number {
  const peaks = rows.toSorted((a, b) => a.slices - b.slices).map(({ ours }) => ours.peakMiB);
  return (peaks.at(-1) ?? 0) - (peaks[0] ?? 0);
}

async function benchLength(folder: string, length: number, turns: number): Promise<SeriesRow> {
  const { python } = await dicomVenv();
  const peer = join(import.meta.dirname, 'series.py');
  await mkdir(folder);
  await run(python, [peer, 'make', dataPath('series-LungFCP-01-0001'), folder, String(length)]);
  const ours: SeriesSide[] = [];
  const theirs: SeriesSide[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    ours.push(await side(process.execPath, [join(import.meta.dirname, 'series-run.ts'), folder], length));
    theirs.push(await side(python, [peer, 'run', folder], length));
  }
  return { slices: length, ours: medians(ours), pydicom: medians(theirs) };
}

const answer = z.object({ slices: z.number(), seconds: z.number(), peakMiB: z.number() });

async function side(command: string, args: readonly string[], length: number): Promise<SeriesSide> {
  const { stdout } = await run(command, args, { env: ONE_THREAD });
  const { slices, seconds, peakMiB } = answer.parse(JSON.parse(stdout));
  if (slices !== length) throw new Error(`${slices} slices came out of a series of ${length}`);
  return { seconds, peakMiB };
}

function medians(sides: readonly SeriesSide[]): SeriesSide {
  return {
    seconds: timingOf(sides.map(({ seconds }) => seconds)).medianMs,
    peakMiB: timingOf(sides.map(({ peakMiB }) => peakMiB)).medianMs,
  };
}
