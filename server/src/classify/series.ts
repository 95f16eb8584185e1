/** Several files: the one CT series in them, scored slice by slice, answered as one. */
import {
  ImagingError,
  type Series,
  type SliceFacts,
  type SliceTensor,
  aggregateScores,
  scanSeries,
  seriesTensors,
} from '@hilum/imaging';
import { type Probabilities, aggregate } from '@hilum/model';
import type { Classification } from '@hilum/wire';
import { ServerError } from '../errors.ts';
import type { Inferred } from '../batching/place.ts';
import type { Job, JobInferOptions } from '../gate.ts';
import type { ServedModel } from '../readiness.ts';
import { classificationOf, rawOf } from './answer.ts';
import type { Desk } from './image.ts';
import { oneSeries } from './one-series.ts';
import { ruleOf, sizeWarnings } from './rule.ts';
import type { SentFile } from './sent-file.ts';
import { type Sources, sourcesOf } from './sources.ts';

export interface SeriesAnswer {
  readonly answer: Classification;
  /** Of the slices that were scored, in their order. */
  readonly evidence: readonly SliceFacts[];
  readonly deciding: SliceFacts;
  readonly readDeciding: () => Promise<Uint8Array>;
  /** Of the deciding slice; with its activations, where they were asked for. */
  readonly inferred: Inferred;
}

/** How many slices are in the queue or the engine at a time: enough to keep all lanes busy while others are decoded. */
export function windowOf({ engine }: ServedModel, queueLimit: number): number {
  return Math.max(1, Math.min(WINDOW_MAX, engine.lanes * engine.maxBatch + 1, queueLimit));
}

// Each holds a tensor (600 kB at 224 pixels), and takes room in the queue that single images would have.
const WINDOW_MAX = 8;

/**
 * @param window of `windowOf`; the job has room for so many
 * @throws ImagingError for a series that is not for this model; ServerError SERIES_SEVERAL, SERIES_OF_PICTURES; the
 *   job's reason
 */
export async function classifySeries(
  files: readonly SentFile[],
  window: number,
  job: Job,
  { metrics, note }: Desk,
  options: Pick<JobInferOptions, 'activations'> = {},
): Promise<SeriesAnswer> {
  const { served, signal } = job;
  const { info } = served;
  const sources = sourcesOf(files);
  const scanned = await job.timed('decode', () => scanSeries(sources.list, { signal }));
  const { series, refused } = oneSeries(scanned.value, sources);
  note({ format: 'dicom', rows: series.rows, columns: series.columns, slices: series.slices.length });

  const scored = await scoreSlices(series, { window, job, sources, ...options });
  metrics.images.inc({ format: 'dicom' }, scored.slices.length);
  const warnings = [...series.warnings, ...scored.warnings, ...sizeWarnings(scored.slices.length, served)];
  for (const { code } of warnings) metrics.warnings.inc({ code });

  const { rule, words } = ruleOf(served);
  const raw = aggregate(
    rule,
    scored.slices.map((slice) => slice.raw),
    info.labels,
    info.positiveLabel,
  );
  const { deciding } = scored;
  const answer = classificationOf(job, {
    level: 'unit',
    raw,
    image: { format: 'dicom', rows: series.rows, columns: series.columns },
    series: {
      slices: series.slices.length,
      scored: scored.slices.length,
      rule: words,
      deciding: {
        index: deciding.index,
        name: sources.sentAs(deciding.name),
        frame: deciding.frame - 1,
        positionMm: deciding.positionMm ?? null,
        raw: deciding.raw,
      },
      refused: refused.map(({ name, code, text }) => ({ name: sources.sentAs(name), code, message: text })),
    },
    warnings: warnings.map(({ code, message }) => ({ code, message })),
    // Pixels become tensors while they are decoded: the time of both is the one for which the engine's part waited.
    timings: { ...scored.timings, decodeMs: scanned.ms + scored.timings.decodeMs, preprocessMs: 0 },
  });
  return {
    answer,
    evidence: evidenceOf(series, scored.slices),
    deciding: factsOf(series, deciding),
    readDeciding: async () => sources.read(deciding.name),
    inferred: scored.decidingInferred,
  };
}

interface ScoredSlice extends Omit<SliceTensor, 'tensor' | 'warnings'> {
  readonly raw: Probabilities;
}

interface ScoredSlices {
  readonly slices: readonly ScoredSlice[];
  readonly deciding: ScoredSlice;
  readonly decidingInferred: Inferred;
  /** Each once. */
  readonly warnings: SliceTensor['warnings'];
  readonly timings: { readonly decodeMs: number; readonly queueMs: number; readonly inferMs: number };
}

interface Scoring extends Pick<JobInferOptions, 'activations'> {
  readonly window: number;
  readonly job: Job;
  readonly sources: Sources;
}

/** Decoding goes on while slices are inferred; at most `window` of them are at a time. */
async function scoreSlices(
  series: Series,
  { window, job, sources, activations = false }: Scoring,
): Promise<ScoredSlices> {
  const slices: ScoredSlice[] = [];
  let best: Pick<ScoredSlices, 'deciding' | 'decidingInferred'> | undefined;
  const warnings = new Map<string, SliceTensor['warnings'][number]>();
  const spent = { decodeMs: 0, queueMs: 0, inferMs: 0 };
  const underway = new Set<Promise<void>>();
  const stop = new AbortController();
  const score = async ({ tensor, warnings: said, ...slice }: SliceTensor): Promise<void> => {
    for (const warning of said) warnings.set(warning.code, warning);
    const source = { bytes: await sources.read(slice.name), frame: slice.frame - 1 };
    const inferred = await job.infer(tensor, { source, activations });
    spent.queueMs += inferred.waitedMs;
    spent.inferMs += inferred.inferMs;
    const one = { ...slice, raw: rawOf(inferred.probabilities, job.served) };
    slices.push(one);
    const before = best === undefined ? [] : [best.deciding];
    // The activations of all others are let go at once: those of a whole series may be gigabytes.
    if (decidingOf([...before, one], job.served.info.positiveLabel) === one) {
      best = { deciding: one, decidingInferred: inferred };
    }
  };
  const signal = AbortSignal.any([job.signal, stop.signal]);
  const tensors = seriesTensors(series, job.served.info.contract, { signal });
  try {
    for (;;) {
      const { value: next, ms } = await job.timed('decode', () => tensors.next());
      spent.decodeMs += ms;
      if (next.done === true) break;
      while (underway.size >= window) await Promise.race(underway);
      const one: Promise<void> = score(next.value)
        .catch((error: unknown) => stop.abort(error))
        .finally(() => underway.delete(one));
      underway.add(one);
      stop.signal.throwIfAborted();
    }
    await Promise.all(underway);
    stop.signal.throwIfAborted();
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    await tensors.return();
    await Promise.all(underway);
  }
  if (best === undefined) throw new ImagingError('SERIES_EMPTY');
  return {
    ...best,
    slices: slices.toSorted((a, b) => a.index - b.index),
    warnings: [...warnings.values()],
    timings: spent,
  };
}

/** The highest score of the positive label, of equals the lowest in the stack. */
function decidingOf(slices: readonly ScoredSlice[], positiveLabel: string): ScoredSlice {
  const scores = slices.map(({ index, raw }) => ({ index, probability: raw[positiveLabel] ?? Number.NaN }));
  const { decidingIndex } = aggregateScores(scores, { method: 'max' });
  const found = slices.find(({ index }) => index === decidingIndex);
  if (found === undefined) throw new ImagingError('SERIES_EMPTY');
  return found;
}

function evidenceOf({ slices }: Series, scored: readonly ScoredSlice[]): readonly SliceFacts[] {
  const used = new Set(scored.map(({ name, frame }) => `${name}/${frame}`));
  return slices
    .filter(({ source, facts }) => used.has(`${source.name}/${facts.frame}`))
    .map(({ facts }) => facts);
}

function factsOf({ slices }: Series, { name, frame }: ScoredSlice): SliceFacts {
  const found = slices.find(({ source, facts }) => source.name === name && facts.frame === frame);
  if (found === undefined) throw new ServerError('INTERNAL');
  return found.facts;
}
