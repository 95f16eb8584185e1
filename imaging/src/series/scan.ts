import { createHash } from 'node:crypto';
import { ImagingError } from '../errors.ts';
import type { ImagingCode } from '../errors.ts';
import { openDicom, readFacts } from '../dicom/open.ts';
import { arrange, collisions, groupFrames } from './arrange.ts';
import { canonically, compare, refuse } from './series.ts';
import type { Frame, Series, SliceRef, Source } from './series.ts';
import { inLanes, readSource } from './sources.ts';

/** A source that is part of no series, and why. */
export type RefusedSource = { readonly name: string; readonly code: ImagingCode; readonly text: string };

export type ScanOptions = {
  readonly signal?: AbortSignal | undefined;
  /** For each file; see readFacts and openDicom. */
  readonly timeoutMs?: number | undefined;
};

// Enough to keep the reading of one file and the parsing of another apart; each lane holds the bytes of one file.
const LANES = 4;

/**
 * The CT series in a heap of files (a folder, a study), whatever order they come in: each by its Series Instance UID,
 * its slices by position; the slices of a multi-frame file are its frames. Reads each file once for its header, at
 * most four at a time, and keeps no bytes. Files at one position are read once more, for their pixels to tell a copy
 * from a second phase.
 *
 * What is no DICOM image, no CT or cannot be read is a value in `refused`; a series that cannot be classified carries
 * its `refusal`. Rejects only with a source's own error or the signal's reason.
 */
export async function scanSeries(
  sources: AsyncIterable<Source> | Iterable<Source>,
  options: ScanOptions = {},
): Promise<{ readonly series: readonly Series[]; readonly refused: readonly RefusedSource[] }> {
  const frames: Frame[] = [];
  const refused: RefusedSource[] = [];
  const look = async (source: Source, signal: AbortSignal): Promise<void> => {
    const found = await refusable(async () =>
      readFacts(await readSource(source, signal), { signal, timeoutMs: options.timeoutMs }),
    );
    if ('code' in found) refused.push({ name: source.name, ...found });
    else if (found[0]?.modality !== 'CT') refused.push({ name: source.name, ...refuse('NOT_CT') });
    else for (const facts of found) frames.push({ source, facts });
  };
  await inLanes(sources, LANES, look, options.signal);
  const series: Series[] = [];
  for (const group of groupFrames(frames)) {
    const pixels = await pixelsAtOnePosition(group, options);
    const found = arrange(group, ({ source, facts }) => pixels.digests.get(source)?.get(facts.frame));
    series.push(found);
    refused.push(...unreadable(pixels.failures, found.slices));
  }
  return {
    series: series.toSorted(byUid),
    refused: refused.toSorted((a, b) => compare(a.name, b.name)),
  };
}

function byUid(a: Series, b: Series): number {
  const [one, other] = [a.slices[0], b.slices[0]];
  return compare(a.uid, b.uid) || (one && other ? canonically(one, other) : 0);
}

type Refused = ReturnType<typeof refuse>;
type Pixels = {
  readonly digests: Map<Source, Map<number, string>>;
  readonly failures: Map<Source, Refused>;
};

async function refusable<T extends object>(read: () => Promise<T>): Promise<T | Refused> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ImagingError)) throw error;
    // Pictures are read one by one, and not here.
    if (error.code === 'NOT_AN_IMAGE') return refuse('NOT_AN_IMAGE', 'The file is no DICOM file (Part 10).');
    return refuse(error.code, error.message);
  }
}

/** Digests of the frames that share a position; only of the first two, where these differ already. */
async function pixelsAtOnePosition(group: readonly Frame[], options: ScanOptions): Promise<Pixels> {
  const pixels: Pixels = { digests: new Map(), failures: new Map() };
  const [first = [], ...others] = collisions(group);
  // A second phase doubles every slice of a series: it need not be decoded whole to be refused.
  const two = first.slice(0, 2);
  await digest(two, pixels, options);
  const shown = two.map(({ source, facts }) => pixels.digests.get(source)?.get(facts.frame));
  if (new Set(shown.filter((one) => one !== undefined)).size > 1) return pixels;
  await digest([...first.slice(2), ...others.flat()], pixels, options);
  return pixels;
}

/** Each source is read once for all of its frames that are asked for. */
async function digest(frames: readonly Frame[], into: Pixels, options: ScanOptions): Promise<void> {
  const task = async ([source, wanted]: [Source, Frame[]], signal: AbortSignal): Promise<void> => {
    const found = new Map(into.digests.get(source));
    into.digests.set(source, found);
    const failure = await refusable(async () => {
      const file = await openDicom(await readSource(source, signal), {
        signal,
        timeoutMs: options.timeoutMs,
      });
      try {
        for (const { facts } of wanted) {
          const { pixels } = await file.frame(facts.frame, { signal });
          found.set(facts.frame, sha256(pixels));
        }
      } finally {
        file.close();
      }
      return {};
    });
    if ('code' in failure) into.failures.set(source, failure);
  };
  await inLanes(
    Map.groupBy(frames, ({ source }) => source),
    LANES,
    task,
    options.signal,
  );
}

function sha256(pixels: Float32Array): string {
  const bytes = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  return createHash('sha256').update(bytes).digest('hex');
}

/** What cannot be decoded gave way to a copy that can; where there was none, it stays and is refused when it is read. */
function unreadable(
  failures: ReadonlyMap<Source, Refused>,
  slices: readonly SliceRef[],
): readonly RefusedSource[] {
  const used = new Set(slices.map(({ source }) => source));
  return [...failures]
    .filter(([source]) => !used.has(source))
    .map(([{ name }, { code, text }]) => ({ name, code, text }));
}
