/** From an address of a model to a verified package on this machine's disk. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { contractDigest } from '@hilum/imaging';
import type { MlflowClient, MlflowError, ModelVersion } from '@hilum/mlflow';
import { type PackageInfo, PackageError, openPackage } from '@hilum/model';
import { z } from 'zod';
import { type AcquiredModel, GaveUp, type ModelState, type ReadinessCode, finalCode } from './readiness.ts';

export interface AcquireOptions {
  /** A folder, `models:/name/version` or `models:/name@alias`. */
  readonly uri: string;
  /** The package must have this digest. */
  readonly digest?: string;
  /** Where downloaded packages are kept, one folder a digest. */
  readonly cacheDir: string;
  /** Needed for `models:/…`. */
  readonly mlflow?: MlflowClient;
  readonly report: (state: ModelState) => void;
  readonly signal: AbortSignal;
}

/**
 * One attempt.
 *
 * @throws GaveUp when waiting would not help; MlflowError when it may; the signal's reason
 */
export async function acquire(options: AcquireOptions): Promise<AcquiredModel> {
  if (!options.uri.startsWith('models:')) return acquireFolder(options);
  return (await acquireCached(options)) ?? (await acquireRegistered(options));
}

/** What a failed attempt means for the readiness answer. */
export function reasonOf(error: MlflowError): ReadinessCode {
  const isAbsent = ['MODEL_NOT_FOUND', 'ALIAS_NOT_FOUND', 'RESOURCE_DOES_NOT_EXIST'].includes(error.code);
  if (isAbsent) return 'MODEL_NOT_FOUND';
  return error.retryable ? 'TRACKING_UNREACHABLE' : 'TRACKING_REFUSED';
}

async function acquireFolder({ uri, digest, report }: AcquireOptions): Promise<AcquiredModel> {
  report({ code: 'VERIFYING', message: 'verifying the package' });
  const info = await open(resolve(uri), digest);
  return { name: basename(info.dir), version: null, info, contract: contractDigest(info.contract) };
}

/**
 * A package that a digest pins and that is here already needs no registry: a pod starts again while MLflow is down.
 * The registry's words about it (name, version) were kept beside it; another address asks the registry.
 */
async function acquireCached({
  uri,
  digest,
  cacheDir,
  report,
}: AcquireOptions): Promise<AcquiredModel | undefined> {
  if (digest === undefined) return undefined;
  const origin = await readOrigin(cacheDir, digest);
  if (origin === undefined || !meansOrigin(uri, origin)) return undefined;
  report({ code: 'VERIFYING', message: 'verifying the package in the cache' });
  const info = await openCached(cacheDir, digest);
  if (info === undefined) return undefined;
  return { ...origin, info, contract: contractDigest(info.contract) };
}

async function acquireRegistered(options: AcquireOptions): Promise<AcquiredModel> {
  const { uri, cacheDir, mlflow, report, signal } = options;
  if (mlflow === undefined) throw new GaveUp('PACKAGE_INVALID', `${uri} needs a tracking server`);
  const version = await mlflow.resolveModel(uri, signal);
  const tagged = version.tags['hilum.digest'];
  const want = options.digest ?? tagged;
  if (tagged !== undefined && want !== tagged) {
    throw new GaveUp(
      'DIGEST_MISMATCH',
      `${version.name} version ${version.version} is registered as ${tagged}, but ${want} was asked for`,
    );
  }
  const cached = want === undefined ? undefined : await openCached(cacheDir, want);
  const info = cached ?? (await download(version, want, { ...options, mlflow }));
  const origin = { name: version.name, version: version.version };
  await writeFile(originPath(cacheDir, info.digest), JSON.stringify(origin));
  report({ code: 'VERIFYING', message: 'the package is verified' });
  return { ...origin, info, contract: contractDigest(info.contract) };
}

async function download(
  version: ModelVersion,
  want: string | undefined,
  { cacheDir, mlflow, report, signal }: AcquireOptions & { readonly mlflow: MlflowClient },
): Promise<PackageInfo> {
  await mkdir(cacheDir, { recursive: true });
  await removeScratch(cacheDir);
  const what = `${version.name} version ${version.version}`;
  report({ code: 'DOWNLOADING', message: `downloading ${what}` });
  // In a scratch folder first, so that a folder with a digest for a name is complete whenever it is there.
  const scratch = join(cacheDir, `${SCRATCH}${randomUUID()}`);
  try {
    await mlflow.downloadModel(version, scratch, {
      signal,
      onProgress: ({ bytes, totalBytes }) => {
        report({ code: 'DOWNLOADING', message: `downloading ${what}`, progress: { bytes, totalBytes } });
      },
    });
    report({ code: 'VERIFYING', message: `verifying ${what}` });
    const { digest } = await open(scratch, want);
    const place = packagePath(cacheDir, digest);
    await rm(place, { recursive: true, force: true });
    await rename(scratch, place);
    return await open(place, digest);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function open(dir: string, want: string | undefined): Promise<PackageInfo> {
  const info = await openPackage(dir).catch((error: unknown) => {
    if (!(error instanceof PackageError)) throw error;
    throw new GaveUp(finalCode(error.code, 'PACKAGE_INVALID'), error.message, { cause: error });
  });
  if (want === undefined || info.digest === want) return info;
  throw new GaveUp('DIGEST_MISMATCH', `the package has ${info.digest}, but ${want} was asked for`);
}

/** A package in the cache that does not verify is thrown away: it is downloaded again. */
async function openCached(cacheDir: string, digest: string): Promise<PackageInfo | undefined> {
  const dir = packagePath(cacheDir, digest);
  try {
    return await open(dir, digest);
  } catch (error) {
    if (!(error instanceof GaveUp) || error.code === 'CONTRACT_UNSUPPORTED') throw error;
    await rm(dir, { recursive: true, force: true });
    return undefined;
  }
}

const originSchema = z.object({ name: z.string(), version: z.string() });
type Origin = z.infer<typeof originSchema>;

async function readOrigin(cacheDir: string, digest: string): Promise<Origin | undefined> {
  try {
    return originSchema.parse(JSON.parse(await readFile(originPath(cacheDir, digest), 'utf8')));
  } catch {
    return undefined; // absent or torn: the registry knows
  }
}

/** An alias may have moved since, but the digest that the caller pins says which package it means. */
function meansOrigin(uri: string, origin: Origin): boolean {
  return uri === `models:/${origin.name}/${origin.version}` || uri.startsWith(`models:/${origin.name}@`);
}

const SCRATCH = '.downloading-';
const hex = (digest: string): string => digest.replace('sha256:', '');
const packagePath = (cacheDir: string, digest: string): string => join(cacheDir, hex(digest));
const originPath = (cacheDir: string, digest: string): string => join(cacheDir, `${hex(digest)}.origin.json`);

/** What a killed server left behind. One cache belongs to one server at a time. */
async function removeScratch(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (name.startsWith(SCRATCH)) await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}
