import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs-node';
import { z } from 'zod';
import type { Tf } from '../engine.ts';
import { PackageError } from '../errors.ts';
import { onnxModel } from '../onnx/model.ts';
import { goldenParts } from './golden.ts';
import {
  FILES,
  INT8_PATH,
  INTENDED_USE,
  metadataSchema,
  type PackageFile,
  type PackageInfo,
  type PackageMetadata,
} from './metadata.ts';
import { mlflowFiles } from './mlmodel.ts';
import { openPackage } from './open.ts';

/**
 * Writes a model package, an MLflow model directory: the joined classifier as ONNX and tfjs, the preprocessing
 * contract, labels and metrics, golden images with their answers, and last the manifest with the sha256 of every other file.
 *
 * @param dir made where it is not there; a package that lies there is overwritten
 * @param extras further files by their path in the package, such as a decision; the manifest lists them, so that a server
 *   may trust them
 * @param model of `joinModel`: `[n, s, s, 3]` → `[n, labels]`, with `s` the contract's input size
 * @returns the package, read back and verified
 * @throws PackageError PACKAGE_INVALID where model and metadata do not fit, LAYER_UNSUPPORTED
 */
export async function writePackage(
  dir: string,
  tf: Tf,
  model: tfjs.LayersModel,
  metadata: PackageMetadata,
  extras: Readonly<Record<string, Uint8Array>> = {},
): Promise<PackageInfo> {
  const checked = check(model, metadata);
  await rm(join(dir, FILES.manifest), { force: true });
  await mkdir(join(dir, dirname(FILES.tfjs)), { recursive: true });
  const onnx = await writeOnnx(join(dir, FILES.onnx), tf, model);
  await model.save(`file://${resolve(dir, dirname(FILES.tfjs))}`);
  const { labels, positiveLabel, contract, metrics, createdAt, baseWeightsSha256, run } = checked;
  const parts = new Map<string, string | Uint8Array>([
    ...Object.entries(extras),
    ...mlflowFiles(checked, onnx),
    ...(await goldenParts(tf, model, contract.inputSize, extras[INT8_PATH])),
    [FILES.contract, json(contract)],
    [FILES.labels, json({ labels, positiveLabel })],
    [FILES.metrics, json(metrics)],
  ]);
  for (const [path, part] of parts) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), part);
  }
  const files: PackageFile[] = [];
  for (const path of [...parts.keys(), FILES.onnx, FILES.tfjs, FILES.tfjsWeights].toSorted()) {
    files.push({ path, ...(await digestOf(join(dir, path))) });
  }
  const manifest = { formatVersion: 1, intendedUse: INTENDED_USE, createdAt, baseWeightsSha256, run, files };
  // Last: a package without a manifest is one whose writer was interrupted.
  await writeFile(join(dir, FILES.manifest), json(manifest));
  return openPackage(dir);
}

export const PRODUCER_VERSION = '0.1.0';

function check(model: tfjs.LayersModel, metadata: PackageMetadata): PackageMetadata {
  const parsed = metadataSchema.safeParse(metadata);
  if (!parsed.success) throw new PackageError('PACKAGE_INVALID', z.prettifyError(parsed.error));
  const { contract, labels } = parsed.data;
  const want = { input: [null, contract.inputSize, contract.inputSize, 3], output: [null, labels.length] };
  const have = { input: model.inputs[0]?.shape, output: model.outputs[0]?.shape };
  if (JSON.stringify(want) === JSON.stringify(have)) return parsed.data;
  const message = `the model is ${JSON.stringify(have)}; contract and labels ask for ${JSON.stringify(want)}`;
  throw new PackageError('PACKAGE_INVALID', message);
}

/** Its 60 MB are not held while the other forms are written. */
async function writeOnnx(path: string, tf: Tf, model: tfjs.LayersModel): Promise<Digest> {
  const bytes = onnxModel(tf, model, { doc: INTENDED_USE, producerVersion: PRODUCER_VERSION });
  await writeFile(path, bytes);
  return { bytes: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') };
}

type Digest = Pick<PackageFile, 'bytes' | 'sha256'>;

async function digestOf(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).byteLength;
  }
  return { bytes, sha256: hash.digest('hex') };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
