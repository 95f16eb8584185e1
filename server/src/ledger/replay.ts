/** Computes again what a ledger says was computed, from the same files by the same package and engine, and compares. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Contract,
  contractDigest,
  decodeImage,
  type Image,
  ImagingError,
  openDicom,
  toTensor,
} from '@hilum/imaging';
import { openPackage } from '@hilum/model';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';
import { type ImageEntry, sha256 } from './entry.ts';
import { LedgerError } from './error.ts';
import { verifyLedger } from './verify.ts';

/** What can become of one entry: code → what it means. */
export const REPLAYS = {
  SAME: 'the output is the same, bit for bit',
  WITHIN_TOLERANCE:
    'it was computed together with other images and is now alone: no probability differs by more than 1e-5',
  DIFFERENT: 'the output is another one',
  TENSOR_DIFFERENT:
    'the file is there, but another input comes of it: a slice that was interpolated between files, or another version of this software',
  INPUT_NOT_FOUND: 'no file of the folder has the sha256 of the input',
  OTHER_MODEL: 'another model answered',
  ENGINE_NOT_HERE: 'it was computed by an engine, or a version of it, that is not here',
} as const;

export type Replay = keyof typeof REPLAYS;

export interface ReplayResult {
  readonly seq: number;
  readonly replay: Replay;
}

export interface ReplayOptions {
  /** The ledger's folder, whose chain is verified first. */
  readonly dir: string;
  /** Where the images are, at any depth, under whatever names; tensors as raw float32. */
  readonly inputsDir: string;
  readonly packageDir: string;
  readonly signal: AbortSignal;
  readonly onResult: (result: ReplayResult) => void;
}

/**
 * @returns how many entries had which fate
 * @throws LedgerError LEDGER_DAMAGED where the chain is broken; PackageError, GaveUp where the package cannot be used
 */
export async function replayLedger(options: ReplayOptions): Promise<Readonly<Record<Replay, number>>> {
  const { dir, packageDir, inputsDir, signal, onResult } = options;
  const info = await openPackage(packageDir);
  const contract = contractDigest(info.contract);
  const counts = Object.fromEntries(Object.keys(REPLAYS).map((key) => [key, 0])) as Record<Replay, number>;
  const tell = ({ seq }: ImageEntry, replay: Replay): void => {
    counts[replay] += 1;
    onResult({ seq, replay });
  };

  const files = await indexOf(inputsDir, signal);
  const found: { readonly entry: ImageEntry; readonly path: string }[] = [];
  const { finding } = await verifyLedger(dir, {
    signal,
    onEntry: (entry) => {
      if (entry.kind !== 'image') return;
      const path = files.get(entry.input?.sha256 ?? entry.tensor);
      if (entry.model.digest !== info.digest || entry.contract !== contract) tell(entry, 'OTHER_MODEL');
      else if (path === undefined) tell(entry, 'INPUT_NOT_FOUND');
      else found.push({ entry, path });
    },
  });
  if (finding !== undefined) {
    throw new LedgerError(
      'LEDGER_DAMAGED',
      `${finding.code} at line ${finding.line} of ${finding.file || dir}`,
    );
  }

  for (const group of Map.groupBy(found, ({ entry }) => settingsOf(entry)).values()) {
    const [first] = group;
    const engine = first === undefined ? undefined : await engineOf(first.entry, packageDir, signal);
    try {
      for (const { entry, path } of group) {
        signal.throwIfAborted();
        tell(
          entry,
          engine === undefined ? 'ENGINE_NOT_HERE' : await replayOne(entry, path, info.contract, engine),
        );
      }
    } finally {
      await engine?.close();
    }
  }
  return counts;
}

/** sha256 → path. */
async function indexOf(dir: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const byHash = new Map<string, string>();
  for (const item of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!item.isFile()) continue;
    const path = join(item.parentPath, item.name);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { signal })) hash.update(chunk as Buffer);
    byHash.set(hash.digest('hex'), path);
  }
  return byHash;
}

/** All on which the bits of an answer depend; threads, since sums may be split by them. */
function settingsOf({ engine: { engine, version, precision, device, threads } }: ImageEntry): string {
  return JSON.stringify([engine, version, precision, device, threads]);
}

/** undefined where there is none like it. */
async function engineOf(
  { engine: asked }: ImageEntry,
  packageDir: string,
  signal: AbortSignal,
): Promise<Engine | undefined> {
  const kind = asked.device === 'gpu' ? 'tensorflow-gpu' : asked.engine;
  const { precision, threads } = asked;
  let engine: Engine;
  try {
    engine = await startEngine(packageDir, signal, { kind, precision, threads, lanes: 1 });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENGINE_MISSING') return undefined;
    throw error;
  }
  const { facts } = engine;
  if (facts.version === asked.version && facts.device === asked.device) return engine;
  await engine.close();
  return undefined;
}

async function replayOne(
  entry: ImageEntry,
  path: string,
  contract: Contract,
  engine: Engine,
): Promise<Replay> {
  const tensor = await tensorOf(entry, await readFile(path), contract);
  if (tensor === undefined || sha256(bytesOf(tensor)) !== entry.tensor) return 'TENSOR_DIFFERENT';
  const { probabilities } = await engine.infer(tensor, 1);
  const recorded = floatsOf(Buffer.from(entry.output, 'hex'));
  if (sha256(bytesOf(probabilities)) === sha256(bytesOf(recorded))) return 'SAME';
  const isClose =
    entry.engine.batch > 1 &&
    recorded.length === probabilities.length &&
    recorded.every((value, at) => Math.abs(value - (probabilities[at] ?? Number.NaN)) <= TOLERANCE);
  return isClose ? 'WITHIN_TOLERANCE' : 'DIFFERENT';
}

/** As the server promises of batches. */
const TOLERANCE = 1e-5;

/** undefined where this version of the software reads no such image. */
async function tensorOf(
  { input }: ImageEntry,
  bytes: Buffer,
  contract: Contract,
): Promise<Float32Array | undefined> {
  if (input === null) return floatsOf(bytes);
  try {
    return toTensor(await imageOf(bytes, input.frame), contract).tensor;
  } catch (error) {
    if (error instanceof ImagingError) return undefined;
    throw error;
  }
}

async function imageOf(bytes: Buffer, frame: number): Promise<Image> {
  // A picture, or a file of one frame; a file of several is told by the refusal.
  const alone = frame === 0 ? await decodeImage(bytes).catch(ignore) : undefined;
  if (alone !== undefined) return alone;
  const file = await openDicom(bytes);
  try {
    return await file.frame(frame + 1);
  } finally {
    file.close();
  }
}

function ignore(): undefined {
  return undefined;
}

/** A copy: a buffer of files may lie anywhere, and floats may not. */
function floatsOf(bytes: Buffer): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer, 0, Math.floor(bytes.length / 4));
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
