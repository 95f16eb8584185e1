import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { contractSchema, type Contract } from '@hilum/imaging';
import { z } from 'zod';
import { decisionSchema, type Decision } from '../decision/decision.ts';
import { PackageError } from '../errors.ts';
import { GOLDEN_FILES, goldenSchema, type Golden } from './golden.ts';
import {
  DECISION_PATH,
  FILES,
  labelsSchema,
  manifestSchema,
  metricsSchema,
  type PackageFile,
  type PackageInfo,
} from './metadata.ts';

/**
 * Opens a model package and verifies every file that its manifest lists. Files beside them are left alone: MLflow's
 * client adds some when it downloads a registered model.
 *
 * @param isVerified whether that was done a moment ago: then only what the package says of itself is read
 * @throws PackageError PACKAGE_INCOMPLETE, DIGEST_MISMATCH, CONTRACT_UNSUPPORTED, PACKAGE_INVALID
 */
export async function openPackage(
  dir: string,
  { isVerified = false }: { readonly isVerified?: boolean } = {},
): Promise<PackageInfo> {
  const manifestBytes = await readPart(dir, FILES.manifest);
  const { files, createdAt, baseWeightsSha256, run } = parsePart(
    FILES.manifest,
    manifestBytes,
    manifestSchema,
  );
  const listed = new Set(files.map((file) => file.path));
  const missing = Object.values(FILES).filter((path) => path !== FILES.manifest && !listed.has(path));
  if (missing.length > 0) {
    throw new PackageError(
      'PACKAGE_INCOMPLETE',
      `the manifest of ${dir} does not list ${missing.join(', ')}`,
    );
  }
  if (!isVerified) {
    const piece = Buffer.allocUnsafeSlow(PIECE);
    for (const file of files) await verify(dir, file, piece);
  }
  const { labels, positiveLabel } = parsePart(FILES.labels, await readPart(dir, FILES.labels), labelsSchema);
  const decision = listed.has(DECISION_PATH) ? await readDecision(dir, labels) : undefined;
  const contract = parseContract(await readPart(dir, FILES.contract));
  const golden = listed.has(GOLDEN_FILES.answers) ? await readGolden(dir, labels, contract) : undefined;
  return {
    labels,
    positiveLabel,
    contract,
    metrics: parsePart(FILES.metrics, await readPart(dir, FILES.metrics), metricsSchema),
    baseWeightsSha256,
    createdAt,
    ...(run === undefined ? {} : { run }),
    dir: resolve(dir),
    digest: `sha256:${createHash('sha256').update(manifestBytes).digest('hex')}`,
    files,
    ...(decision === undefined ? {} : { decision }),
    ...(golden === undefined ? {} : { golden }),
  };
}

async function readGolden(dir: string, labels: readonly string[], { inputSize }: Contract): Promise<Golden> {
  const path = GOLDEN_FILES.answers;
  const golden = parsePart<Golden>(path, await readPart(dir, path), goldenSchema);
  const rows = [...golden.outputs, ...(golden.int8?.outputs ?? [])];
  if (golden.inputSize === inputSize && rows.every((row) => row.length === labels.length)) return golden;
  throw new PackageError('PACKAGE_INVALID', `${path} is of a model with other labels or another input size`);
}

/** One that cannot be read is no reason to go on without, nor with another: a threshold that is misread is worse than none. */
async function readDecision(dir: string, labels: readonly string[]): Promise<Decision> {
  const decision = parsePart<Decision>(DECISION_PATH, await readPart(dir, DECISION_PATH), decisionSchema);
  if (decision.labels.join('\n') === labels.join('\n')) return decision;
  throw new PackageError('PACKAGE_INVALID', `${DECISION_PATH} is of a model with other labels`);
}

async function readPart(dir: string, path: string): Promise<Uint8Array> {
  return readFile(join(dir, path)).catch((cause: unknown) => {
    throw incomplete(dir, path, cause);
  });
}

function incomplete(dir: string, path: string, cause: unknown): PackageError {
  return new PackageError('PACKAGE_INCOMPLETE', `${dir} has no readable ${path}`, { cause });
}

async function verify(dir: string, file: PackageFile, piece: Buffer): Promise<void> {
  const got = await sha256Of(join(dir, file.path), piece).catch((cause: unknown) => {
    throw incomplete(dir, file.path, cause);
  });
  if (got === file.sha256) return;
  const message = `${file.path} of ${dir} has sha256 ${got}; its manifest says ${file.sha256}`;
  throw new PackageError('DIGEST_MISMATCH', message);
}

/** Piece by piece into one buffer: a package's largest files have 60 MB, and a stream leaves as much to the collector. */
async function sha256Of(path: string, piece: Buffer): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path);
  try {
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

const PIECE = 262_144;

function parseContract(bytes: Uint8Array): Contract {
  const parsed = contractSchema.safeParse(fromJson(FILES.contract, bytes));
  if (parsed.success) return parsed.data;
  const message = `this version of Hilum cannot honour the package's ${FILES.contract}: ${z.prettifyError(parsed.error)}`;
  throw new PackageError('CONTRACT_UNSUPPORTED', message);
}

function parsePart<Part>(path: string, bytes: Uint8Array, schema: z.ZodType<Part>): Part {
  const parsed = schema.safeParse(fromJson(path, bytes));
  if (parsed.success) return parsed.data;
  throw new PackageError('PACKAGE_INVALID', `${path}: ${z.prettifyError(parsed.error)}`);
}

function fromJson(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as unknown;
  } catch (cause) {
    throw new PackageError('PACKAGE_INVALID', `${path} is not JSON`, { cause });
  }
}
