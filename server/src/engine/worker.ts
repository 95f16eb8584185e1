/** Starts the inference engine of one package, whichever it is to be. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  INT8_PATH,
  PackageError,
  type PackageInfo,
  activationNames,
  extraOutputs,
  openPackage,
} from '@hilum/model';
import { GaveUp, finalCode } from '../readiness.ts';
import { grantedCpus } from './cpus.ts';
import type { Engine } from './engine.ts';
import type { EngineFacts } from './facts.ts';
import { startLane } from './lane.ts';
import type { LaneData } from './messages.ts';
import { startPool } from './pool.ts';
import { prepare } from './prepare.ts';
import { warmUpOf } from './warm-up.ts';

type EngineKind = 'auto' | 'onnxruntime' | 'tensorflow' | 'tensorflow-gpu' | 'wasm';
type PrecisionChoice = 'auto' | EngineFacts['precision'];

export interface EngineOptions {
  /** Default `auto`: onnxruntime, or where its native library cannot be loaded, wasm with a warning. */
  readonly kind?: EngineKind;
  /** Default `auto`: int8 where the package has it, which means that it passed the gate of its run. */
  readonly precision?: PrecisionChoice;
  /** Threads that compute; default the cores that the cgroup grants. */
  readonly threads?: number;
  /** Batches at the same time; default one for each thread, four at most. */
  readonly lanes?: number;
  /** A folder on disk with room for the weights; default the system's for temporary files. */
  readonly scratch?: string;
  /** The longest that a batch may take; then its thread counts as stuck. Default 30 s. */
  readonly answerMs?: number;
  /** Why nothing can be answered at the moment; undefined when it can again. */
  readonly onTrouble?: (why: string | undefined) => void;
  /** What works, and worse than it should. */
  readonly onWarning?: (message: string) => void;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** What the lanes of onnxruntime run instead: tests give a thread that dies or hangs when it is told to. */
  readonly entry?: URL;
}

const LOAD_MS = 180_000;
const ANSWER_MS = 30_000;
/** More want more memory than they bring answers: docs/engines.md. */
const MOST_LANES = 4;

/**
 * @param dir a package whose files were verified
 * @throws GaveUp ENGINE_MISSING, ENGINE_FAILED, WARM_UP_MISMATCH, or the code of a package that cannot be loaded; the
 * signal's reason
 */
export async function startEngine(
  dir: string,
  signal: AbortSignal,
  options: EngineOptions = {},
): Promise<Engine> {
  try {
    const info = await openPackage(dir, { isVerified: true });
    const { kind = 'auto' } = options;
    return await (kind === 'auto' ? startAuto(info, signal, options) : STARTS[kind](info, signal, options));
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    throw new GaveUp(finalCode(error.code, 'PACKAGE_INVALID'), error.message, { cause: error });
  }
}

async function startAuto(info: PackageInfo, signal: AbortSignal, options: EngineOptions): Promise<Engine> {
  try {
    return await STARTS.onnxruntime(info, signal, options);
  } catch (error) {
    if (!(error instanceof GaveUp) || error.code !== 'ENGINE_MISSING') throw error;
    const warning = `${error.message}; wasm answers instead, several times slower`;
    options.onWarning?.(warning);
    const engine = await STARTS.wasm(info, signal, options);
    return { ...engine, facts: { ...engine.facts, warning } };
  }
}

type Start = (info: PackageInfo, signal: AbortSignal, options: EngineOptions) => Promise<Engine>;

const STARTS: Readonly<Record<Exclude<EngineKind, 'auto'>, Start>> = {
  onnxruntime: startOnnxruntime,
  wasm: startWasm,
  tensorflow: async (info, signal, options) => startTensorflow(info, signal, options, 'cpu'),
  'tensorflow-gpu': async (info, signal, options) => startTensorflow(info, signal, options, 'gpu'),
};

async function startOnnxruntime(
  info: PackageInfo,
  signal: AbortSignal,
  options: EngineOptions,
): Promise<Engine> {
  const { onWarning = () => undefined, scratch = tmpdir() } = options;
  const { lanes, threads } = sizesOf(options);
  const data = await onnxData(info, options);
  const prepared = await prepare(data.file, data.extra, scratch, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    onWarning(`the network could not be prepared in ${scratch}, so each lane has weights of its own: ${why}`);
    return undefined;
  });
  try {
    const engine = await startLanes(info, signal, options, {
      engine: 'onnxruntime',
      entry: options.entry ?? new URL('./onnxruntime-thread.ts', import.meta.url),
      data: prepared === undefined ? data : { ...data, file: prepared.file, isPrepared: true },
      precision: data.precision,
      maxBatch: 1,
      lanes,
      threads,
      narrow: Math.max(1, Math.floor(threads / lanes)),
      wide: threads,
    });
    void engine.died.then(async () => prepared?.remove());
    return {
      ...engine,
      close: async () => {
        await engine.close();
        await prepared?.remove();
      },
    };
  } catch (error) {
    await prepared?.remove();
    throw error;
  }
}

async function startWasm(info: PackageInfo, signal: AbortSignal, options: EngineOptions): Promise<Engine> {
  const data = await onnxData(info, options);
  const { lanes } = sizesOf(options);
  return startLanes(info, signal, options, {
    engine: 'wasm',
    entry: new URL('./wasm-thread.ts', import.meta.url),
    data,
    precision: data.precision,
    maxBatch: 1,
    lanes,
    threads: lanes,
    narrow: 1,
    wide: 1,
  });
}

async function startTensorflow(
  info: PackageInfo,
  signal: AbortSignal,
  options: EngineOptions,
  device: 'cpu' | 'gpu',
): Promise<Engine> {
  const { threads } = sizesOf(options);
  // Read by the native library, which sees the environment of the process and not a thread's copy of it.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads);
  process.env['OMP_NUM_THREADS'] ??= String(threads);
  const engine = await startLanes(info, signal, options, {
    engine: 'tensorflow',
    entry: new URL('./tensorflow-thread.ts', import.meta.url),
    data: { dir: info.dir, file: '', isPrepared: false, device },
    precision: 'float32',
    maxBatch: device === 'gpu' ? GPU_BATCH : 1,
    lanes: 1,
    threads,
    narrow: threads,
    wide: threads,
  });
  if (engine.facts.device === device) return engine;
  const warning = 'TensorFlow sees no GPU and computes on the CPU';
  options.onWarning?.(warning);
  return { ...engine, facts: { ...engine.facts, warning, maxBatch: 1 } };
}

/** An image alone leaves most of a GPU idle; VGG16 at 224 pixels is busy from here on. */
const GPU_BATCH = 16;

interface Plan {
  readonly engine: EngineFacts['engine'];
  readonly entry: URL;
  readonly data: Omit<LaneData, 'threads'>;
  readonly precision: EngineFacts['precision'];
  readonly maxBatch: number;
  readonly lanes: number;
  readonly threads: number;
  /** Threads of a lane among others, and of one that is alone. */
  readonly narrow: number;
  readonly wide: number;
}

async function startLanes(
  info: PackageInfo,
  signal: AbortSignal,
  options: EngineOptions,
  { engine, entry, data, precision, maxBatch, lanes, threads, narrow, wide }: Plan,
): Promise<Engine> {
  const { answerMs = ANSWER_MS, now = () => performance.now() } = options;
  const { onTrouble = () => undefined, onWarning = () => undefined } = options;
  const warmUp = await warmUpOf(info, precision, onWarning);
  const { version, device, ...pool } = await startPool({
    lanes,
    narrow,
    wide,
    onTrouble,
    onWarning,
    signal,
    now,
    start: async (size) => {
      const lane = await startLane(
        { entry, data: { ...data, threads: size }, loadMs: LOAD_MS, answerMs },
        signal,
      );
      await warmUp(lane).catch(async (error: unknown) => {
        await lane.close();
        throw error;
      });
      return lane;
    },
  });
  return { ...pool, facts: { engine, version, precision, device, lanes, threads, maxBatch } };
}

async function onnxData(
  info: PackageInfo,
  options: EngineOptions,
): Promise<
  Omit<LaneData, 'threads'> & { readonly extra: Uint8Array; readonly precision: EngineFacts['precision'] }
> {
  const precision = precisionOf(info, options);
  const file = join(info.dir, precision === 'int8' ? INT8_PATH : 'model.onnx');
  const names = await activationNames(file);
  return {
    dir: info.dir,
    file,
    isPrepared: false,
    device: 'cpu',
    precision,
    extra: names === undefined ? new Uint8Array() : extraOutputs([names.features, names.maps]),
    ...(names === undefined ? {} : { names }),
  };
}

function precisionOf(
  { files }: PackageInfo,
  { precision = 'auto' }: EngineOptions,
): EngineFacts['precision'] {
  const hasInt8 = files.some(({ path }) => path === INT8_PATH);
  if (precision === 'auto') return hasInt8 ? 'int8' : 'float32';
  if (precision === 'float32' || hasInt8) return precision;
  throw new GaveUp('PACKAGE_INVALID', `int8 was asked for, and the package has no ${INT8_PATH}`);
}

function sizesOf({ threads = grantedCpus(), lanes = Math.min(threads, MOST_LANES) }: EngineOptions): {
  readonly lanes: number;
  readonly threads: number;
} {
  return { lanes, threads };
}
