/** From an address of a model to a verified package on this machine's disk. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { contractDigest } from '@hilum/imaging';
import type { MlflowClient } from '@hilum/mlflow';
import { type PackageInfo, PackageError, openPackage } from '@hilum/model';
import { StoreError } from '@hilum/store';
import { z } from 'zod';
import { type AcquiredModel, GaveUp, type ModelState, finalCode } from '../readiness.ts';
import { pullPackage, readManifest } from './pull.ts';
import { type Found, type Source, isFinal, sourceOf } from './source.ts';

export interface AcquireOptions {
  /** A folder, `models:/…`, `runs:/…`, `s3://…` or `oci://…` (docs/model-sources.md). */
  readonly uri: string;
  /** The package must have this digest. */
  readonly digest?: string;
  /** Where downloaded packages are kept, one folder a digest. */
  readonly cacheDir: string;
  /** Needed for `models:/…` and `runs:/…`. */
  readonly mlflow?: MlflowClient;
  readonly report: (state: ModelState) => void;
  readonly signal: AbortSignal;
}

/**
 * One attempt.
 *
 * @throws GaveUp when waiting would not help; MlflowError or StoreError when it may; the signal's reason
 */
export async function acquire(options: AcquireOptions): Promise<AcquiredModel> {
  const source = sourceOf(options.uri, options.mlflow);
  if (source === undefined) return acquireFolder(options);
  return (await acquireCached(options)) ?? (await acquireFrom(source, options));
}

async function acquireFolder({ uri, digest, report }: AcquireOptions): Promise<AcquiredModel> {
  report({ code: 'VERIFYING', message: 'verifying the package' });
  const info = await open(resolve(uri), digest);
  return { name: basename(info.dir), version: null, info, contract: contractDigest(info.contract) };
}

/**
 * A package that a digest pins and that is here already needs no source: a pod starts again while MLflow is down. The
 * source's words about it (name, version) were kept beside it; another address asks its source.
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
  return { name: origin.name, version: origin.version, info, contract: contractDigest(info.contract) };
}

async function acquireFrom(source: Source, options: AcquireOptions): Promise<AcquiredModel> {
  const { uri, cacheDir, report, signal } = options;
  try {
    const found = await source(signal);
    const info = await packageOf(found, options);
    const { name, version } = found;
    await writeFile(originPath(cacheDir, info.digest), JSON.stringify({ name, version, uri }));
    report({ code: 'VERIFYING', message: 'the package is verified' });
    return { name, version, info, contract: contractDigest(info.contract) };
  } catch (error) {
    if (!(error instanceof StoreError) || !isFinal(error)) throw error;
    throw new GaveUp('PACKAGE_INVALID', error.message, { cause: error });
  }
}

/** From the cache, or from its source. */
async function packageOf(found: Found, options: AcquireOptions): Promise<PackageInfo> {
  const { cacheDir, report, signal } = options;
  const { name, version, digest: tagged } = found;
  const want = options.digest ?? tagged;
  if (tagged !== undefined && want !== tagged) {
    throw new GaveUp(
      'DIGEST_MISMATCH',
      `${name} version ${version} is registered as ${tagged}, but ${want} was asked for`,
    );
  }
  await mkdir(cacheDir, { recursive: true });
  const known = want === undefined ? undefined : await openCached(cacheDir, want);
  if (known !== undefined) return known;
  const manifest = await readManifest(found, want, signal);
  const cached = want === undefined ? await openCached(cacheDir, manifest.digest) : undefined;
  if (cached !== undefined) return cached;
  const place = packagePath(cacheDir, manifest.digest);
  await pullPackage(found, manifest, { cacheDir, place, report, signal });
  report({ code: 'VERIFYING', message: `verifying ${name}` });
  return open(place, manifest.digest, true);
}

/** @param isVerified file by file, a moment ago */
async function open(dir: string, want: string | undefined, isVerified = false): Promise<PackageInfo> {
  const info = await openPackage(dir, { isVerified }).catch((error: unknown) => {
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

const originSchema = z.object({
  name: z.string(),
  version: z.string().nullable(),
  uri: z.string().optional(),
});
type Origin = z.infer<typeof originSchema>;

async function readOrigin(cacheDir: string, digest: string): Promise<Origin | undefined> {
  try {
    return originSchema.parse(JSON.parse(await readFile(originPath(cacheDir, digest), 'utf8')));
  } catch {
    return undefined; // absent or torn: the source knows
  }
}

/** An alias may have moved since, but the digest that the caller pins says which package it means. */
function meansOrigin(uri: string, origin: Origin): boolean {
  if (uri === origin.uri) return true;
  return uri === `models:/${origin.name}/${origin.version}` || uri.startsWith(`models:/${origin.name}@`);
}

const hex = (digest: string): string => digest.replace('sha256:', '');
const packagePath = (cacheDir: string, digest: string): string => join(cacheDir, hex(digest));
const originPath = (cacheDir: string, digest: string): string => join(cacheDir, `${hex(digest)}.origin.json`);
