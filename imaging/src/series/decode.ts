import { openDicom } from '../dicom/open.ts';
import type { DicomFile } from '../dicom/open.ts';
import { ImagingError } from '../errors.ts';
import type { PlacedImage } from './resample.ts';
import { millimetres } from './series.ts';
import type { SliceRef, Source } from './series.ts';
import { readSource } from './sources.ts';

type Options = { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined };

/** Slices of one file that follow each other: it is open from the first of them to the last. */
type Run = { readonly source: Source; file?: Promise<DicomFile>; left: number };

// Also where there are fewer threads: what one has answered (opened, decoded) waits while the caller computes, and the
// thread shall have another slice to go on with.
const AHEAD = 4;

/**
 * Decodes slices in their order, four ahead, and holds no more than those. Each file is read again. Throws an
 * ImagingError that names the position of the slice which cannot be decoded, or is no longer the one that was scanned.
 * Ending the loop early ends what was under way.
 */
export async function* decodeInOrder(
  slices: readonly SliceRef[],
  options: Options,
): AsyncGenerator<PlacedImage, void, undefined> {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const queue = withRuns(slices).values();
  const pending: Promise<PlacedImage>[] = [];
  const opened = new Set<Run>();
  try {
    for (;;) {
      signal.throwIfAborted();
      while (pending.length < AHEAD) {
        const next = queue.next();
        if (next.done === true) break;
        opened.add(next.value.run);
        const image = decode(next.value, { signal, timeoutMs: options.timeoutMs });
        // A slice ahead may fail before its turn comes; it is heard then.
        image.catch(ignore);
        pending.push(image);
      }
      const image = await pending.shift();
      if (image === undefined) return;
      for (const run of opened) if (run.left === 0) opened.delete(run);
      yield image;
    }
  } finally {
    stop.abort();
    await Promise.allSettled(pending);
    for (const run of opened) if (run.left > 0) run.file?.then((file) => file.close(), ignore);
  }
}

type Step = { readonly slice: SliceRef; readonly run: Run };

function withRuns(slices: readonly SliceRef[]): readonly Step[] {
  const steps: Step[] = [];
  for (const slice of slices) {
    const before = steps.at(-1)?.run;
    const run = before?.source === slice.source ? before : { source: slice.source, left: 0 };
    run.left += 1;
    steps.push({ slice, run });
  }
  return steps;
}

type Patience = { readonly signal: AbortSignal; readonly timeoutMs: number | undefined };

async function decode({ slice, run }: Step, patience: Patience): Promise<PlacedImage> {
  try {
    run.file ??= open(run.source, patience);
    const file = await run.file;
    try {
      checkSame(slice, file);
      const image = await file.frame(slice.facts.frame, { signal: patience.signal });
      return { slice, positionMm: slice.positionMm, image };
    } finally {
      run.left -= 1;
      if (run.left === 0) file.close();
    }
  } catch (error) {
    if (!(error instanceof ImagingError)) throw error;
    const message = `The slice at ${millimetres(slice.positionMm)}: ${error.message}`;
    throw new ImagingError(error.code, message, { cause: error });
  }
}

async function open(source: Source, { signal, timeoutMs }: Patience): Promise<DicomFile> {
  return openDicom(await readSource(source, signal), { signal, timeoutMs });
}

/** Between scan and decoding a file may have been replaced; its pixels would then stand at another one's position. */
function checkSame({ facts }: SliceRef, file: DicomFile): void {
  const now = file.facts[facts.frame - 1];
  if (now?.instanceUid !== facts.instanceUid || now.rows !== facts.rows || now.columns !== facts.columns) {
    throw new ImagingError('CORRUPT', 'The file is no longer the one that was scanned.');
  }
}

function ignore(): void {}
