/** Where a model package can come from. */
import type { MlflowClient } from '@hilum/mlflow';
import { type OciFile, type StoreError, objectsOf, ociArtifact, s3Store } from '@hilum/store';
import { GaveUp } from '../readiness.ts';

/** Bytes of a file from `from` on: 0, or where the reader wished to begin. */
interface FileBody {
  readonly from: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** What an address means at the moment. */
export interface Found {
  readonly name: string;
  /** The registered version, the run or the tag; null where there is none. */
  readonly version: string | null;
  /** Of the package, where the source knows it. */
  readonly digest?: string | undefined;
  /** A file of the package; undefined where it is absent. Throws MlflowError or StoreError. */
  readonly read: (path: string, from: number, signal: AbortSignal) => Promise<FileBody | undefined>;
}

/** Throws GaveUp where waiting would not help, MlflowError or StoreError where it may. */
export type Source = (signal: AbortSignal) => Promise<Found>;

/** @returns undefined for a folder of this machine, a mounted volume as well */
export function sourceOf(uri: string, mlflow: MlflowClient | undefined): Source | undefined {
  const scheme = /^([a-z0-9]+):/.exec(uri)?.[1];
  switch (scheme) {
    case 'models':
      return (signal) => registered(uri, needed(uri, mlflow), signal);
    case 'runs':
      return (signal) => ofRun(uri, needed(uri, mlflow), signal);
    case 's3':
      return () => Promise.resolve(inBucket(uri));
    case 'oci':
      return (signal) => inRegistry(uri, signal);
    default:
      return undefined;
  }
}

function needed(uri: string, mlflow: MlflowClient | undefined): MlflowClient {
  if (mlflow === undefined) throw new GaveUp('PACKAGE_INVALID', `${uri} needs a tracking server`);
  return mlflow;
}

async function registered(uri: string, mlflow: MlflowClient, signal: AbortSignal): Promise<Found> {
  const model = await mlflow.resolveModel(uri, signal);
  const { name, version } = model;
  // Only where files are wanted: a package in the cache needs the registry's word and no more.
  let folder: ReturnType<MlflowClient['openModel']> | undefined;
  return {
    name,
    version,
    digest: model.tags['hilum.digest'],
    read: async (path, from, reading) =>
      (await (folder ??= mlflow.openModel(model, signal))).read(path, from, reading),
  };
}

async function ofRun(uri: string, mlflow: MlflowClient, signal: AbortSignal): Promise<Found> {
  const [, runId = '', path = ''] = /^runs:\/([^/]+)\/?(.*)$/.exec(uri) ?? [];
  const folder = await mlflow.openRunFolder(runId, path, signal);
  return { name: lastStep(path) || 'model', version: runId, read: folder.read };
}

function inBucket(uri: string): Found {
  const objects = objectsOf(s3Store(uri));
  return { name: lastStep(uri), version: null, read: objects.read };
}

async function inRegistry(uri: string, signal: AbortSignal): Promise<Found> {
  const artifact = ociArtifact(uri);
  const { files } = await artifact.resolve(signal);
  const byPath = new Map<string, OciFile>(files.map((file) => [file.path, file]));
  const [, name = '', tag] = /([^/:@]+)(?::([^/:@]+))?(?:@[^@]+)?$/.exec(uri) ?? [];
  return {
    name,
    version: tag ?? null,
    read: async (path, from, reading) => {
      const file = byPath.get(path);
      return file === undefined ? undefined : artifact.read(file, from, reading);
    },
  };
}

function lastStep(path: string): string {
  return path.split('/').findLast((step) => step !== '') ?? '';
}

/** Whether the store's answer can only change when somebody changes the address or what it holds. */
export function isFinal({ code }: StoreError): boolean {
  return code === 'STORE_UNSUPPORTED' || code === 'STORE_MALFORMED';
}
