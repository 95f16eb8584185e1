/** What is to be known of a request for an answer afterwards: timed, traced, watched for drift, written down. */
import type { Inferred } from '../batching/place.ts';
import { ServerError } from '../errors.ts';
import { type NewEntry, sha256 } from '../ledger/entry.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Metrics, Stage } from '../metrics.ts';
import type { ServedModel } from '../readiness.ts';
import type { Drift } from './drift.ts';
import { NO_SPAN, type Span } from './span.ts';

/** The file whose pixels an input of the network holds. */
export interface Source {
  /** Of one file; where several came in one archive, of that file alone. */
  readonly bytes: Uint8Array;
  /** From 0; default 0. */
  readonly frame?: number;
}

/** What a log line may say of a request: codes, counts and milliseconds; no result. */
export type Facts = Readonly<Record<string, string | number | undefined>>;

/** What an answer says, for the ledger and the counters. */
export interface Said {
  /** Whose answer it is: of the image inferred last, or of all images of this request as one series. */
  readonly level: 'image' | 'series';
  readonly outcome: 'classified' | 'abstained';
  readonly label: string;
  /** Why it does not stand by the label. */
  readonly abstention?: string;
}

export interface Witness {
  readonly timed: <T>(stage: Stage, work: () => T | Promise<T>) => Promise<{ value: T; ms: number }>;
  readonly infer: (
    tensor: Float32Array,
    source: Source | undefined,
    work: () => Promise<Inferred>,
  ) => Promise<Inferred>;
  readonly say: (said: Said) => void;
  /** Before the answer: all that was inferred is in the ledger. Throws ServerError LEDGER_FAILED, or the signal's reason. */
  readonly commit: (signal: AbortSignal) => Promise<void>;
}

/** Of one request. */
interface Witnessed {
  readonly requestId: string;
  readonly route: string;
  /** The name of the caller's key. */
  readonly caller?: string | undefined;
  readonly span: Span;
  /** Adds to the line that is logged of the request. */
  readonly note?: ((facts: Facts) => void) | undefined;
  readonly served: ServedModel;
}

export interface WitnessOptions {
  readonly metrics: Metrics;
  readonly ledger?: Ledger | undefined;
  readonly drift?: Drift | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export type Witnesses = (request: Witnessed) => Witness;

type ImageEntry = Extract<NewEntry, { kind: 'image' }>;

export function createWitnesses({ metrics, ledger, drift, now }: WitnessOptions): Witnesses {
  return ({ requestId, route, caller, span, note, served }) => {
    const { info, engine } = served;
    const request = {
      requestId,
      route,
      caller: caller ?? null,
      model: { name: served.name, version: served.version, digest: info.digest },
      contract: served.contract,
    };
    const positive = info.labels.indexOf(info.positiveLabel);
    const entries: NewEntry[] = [];
    const told: Said[] = [];
    let last: ImageEntry | undefined;
    const spent: Record<string, number> = {};
    let images = 0;
    const spend = (stage: Stage, ms: number): void => {
      metrics.stageSeconds[stage].observe(ms / 1000);
      spent[`${stage}Ms`] = hundredths((spent[`${stage}Ms`] ?? 0) + ms);
      note?.({ ...spent, images, digest: info.digest });
    };
    /** Of a long series the first images stand for the rest: a trace is read by people. */
    const traced = (): Span => (images < TRACED_IMAGES ? span : NO_SPAN);
    return {
      timed: async (stage, work) => {
        const from = now();
        const part = traced().child(stage, { atMs: from });
        try {
          const value = await work();
          const ms = now() - from;
          spend(stage, ms);
          return { value, ms };
        } catch (error) {
          part.fail(error instanceof ServerError ? error.code : 'INTERNAL');
          throw error;
        } finally {
          part.end(now());
        }
      },
      infer: async (tensor, source, work) => {
        const from = now();
        // Before the engine has it: the memory of a batch of one may move to its thread.
        const scored = drift?.watch(info)?.(tensor);
        const hashes = ledger === undefined ? undefined : hashesOf(tensor, source);
        const inferred = await work();
        const { waitedMs, inferMs, batch, probabilities } = inferred;
        traceInference(traced(), { from, until: now(), waitedMs, inferMs, batch });
        images += 1;
        spend('queue', waitedMs);
        spend('infer', inferMs);
        const score = probabilities[positive] ?? Number.NaN;
        if (Number.isFinite(score)) {
          metrics.scores.observe(score);
          scored?.(score);
        }
        if (hashes !== undefined) {
          const { version, precision, device, threads } = engine;
          last = {
            kind: 'image',
            ...request,
            ...hashes,
            engine: {
              engine: engine.engine,
              version,
              precision,
              device,
              threads: inferred.threads ?? threads,
              batch,
            },
            output: hexOf(probabilities),
            outcome: null,
            label: null,
          };
          entries.push(last);
        }
        return inferred;
      },
      say: (said) => {
        told.push(said);
        const { level, outcome, label } = said;
        if (last === undefined) return;
        if (level === 'image') Object.assign(last, { outcome, label });
        else entries.push({ kind: 'series', ...request, outcome, label, sliceCount: entries.length });
      },
      commit: async (signal) => {
        span.set({ 'hilum.images': images });
        if (ledger !== undefined && entries.length > 0) {
          await unlessAborted(ledger.append(entries), signal);
          metrics.ledgerEntries.inc(entries.length);
        }
        for (const { outcome, abstention } of told) {
          metrics.answers.inc({ outcome });
          if (abstention !== undefined) metrics.abstentions.inc({ code: abstention });
        }
      },
    };
  };
}

/** A batch processor of OpenTelemetry holds 2048 spans; one request must not push out all others. */
const TRACED_IMAGES = 50;

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function hashesOf(tensor: Float32Array, source: Source | undefined): Pick<ImageEntry, 'input' | 'tensor'> {
  const input = source === undefined ? null : { sha256: sha256(source.bytes), frame: source.frame ?? 0 };
  return { input, tensor: sha256(bytesOf(tensor)) };
}

/** Little-endian, as all machines are that the engines run on. */
function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function hexOf(values: Float32Array): string {
  return Buffer.from(bytesOf(values)).toString('hex');
}

/** The scheduler tells how long, not when: the wait comes first, and the batch ends when its answer is here. */
function traceInference(
  span: Span,
  times: {
    readonly from: number;
    readonly until: number;
    readonly waitedMs: number;
    readonly inferMs: number;
    readonly batch: number;
  },
): void {
  const { from, until, waitedMs, inferMs, batch } = times;
  const begun = Math.min(from + waitedMs, until);
  span.child('queue', { atMs: from }).end(begun);
  const together = span.child('batch', { atMs: begun, attributes: { 'hilum.batch.images': batch } });
  together.child('infer', { atMs: Math.max(begun, until - inferMs) }).end(until);
  together.end(until);
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const ended = Promise.withResolvers<never>();
  const leave = (): void => ended.reject(signal.reason as Error);
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([work, ended.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
