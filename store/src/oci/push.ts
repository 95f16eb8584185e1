/** Files → an artifact in a registry, by the OCI distribution specification. */
import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { StoreError } from '../errors.ts';
import { OCI_MANIFEST, type OciOptions, TITLE, registryStore } from './artifact.ts';
import { parseOciReference } from './reference.ts';

export interface PushedFile {
  /** Relative, with `/`: its name in the artifact. */
  readonly path: string;
  /** On this machine. */
  readonly file: string;
}

export interface PushOptions extends OciOptions {
  /** `application/vnd.….v1` */
  readonly artifactType: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

const EMPTY = Buffer.from('{}');
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';

/**
 * What is there already is not sent again.
 *
 * @param address with a tag
 * @returns the digest of the manifest
 * @throws StoreError
 */
export async function pushOci(
  address: string,
  files: readonly PushedFile[],
  { artifactType, annotations = {}, signal, ...options }: PushOptions,
): Promise<string> {
  const reference = parseOciReference(address);
  if (reference.tag === '') throw new StoreError('STORE_UNSUPPORTED', 'an artifact is pushed under a tag');
  const store = registryStore(reference, 'pull,push', options);
  const call = options.fetch ?? fetch;

  const send = async (method: string, url: URL, body?: Blob, type = 'application/octet-stream') => {
    const plain: Record<string, string> = body === undefined ? {} : { 'content-type': type };
    const headers = await store.headers({ headers: plain });
    let response: Response;
    try {
      response = await call(url, { method, headers, body, signal, redirect: 'manual' });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new StoreError('STORE_UNREACHABLE', `${store.name} does not answer`, { cause });
    }
    await response.body?.cancel();
    if (response.ok || (method === 'HEAD' && response.status === 404)) return response;
    const code = [401, 403].includes(response.status) ? 'STORE_REFUSED' : 'STORE_UNREACHABLE';
    throw new StoreError(code, `${store.name} answers ${method} with status ${response.status}`);
  };

  const pushBlob = async (digest: string, blob: Blob): Promise<void> => {
    if ((await send('HEAD', store.url(`blobs/${digest}`))).ok) return;
    const opened = await send('POST', store.url('blobs/uploads/'));
    const place = new URL(opened.headers.get('location') ?? '', store.url(''));
    if (place.origin !== store.url('').origin) {
      throw new StoreError('STORE_UNSUPPORTED', `${store.name} wants its uploads sent to another host`);
    }
    place.searchParams.set('digest', digest);
    await send('PUT', place, blob);
  };

  const layers = [];
  for (const { path, file } of files) {
    const digest = await digestOf(file);
    const blob = await openAsBlob(file);
    await pushBlob(digest, blob);
    layers.push({
      mediaType: 'application/octet-stream',
      digest,
      size: blob.size,
      annotations: { [TITLE]: path },
    });
  }
  const config = { mediaType: EMPTY_TYPE, digest: sha256(EMPTY), size: EMPTY.length };
  await pushBlob(config.digest, new Blob([EMPTY]));
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, artifactType, config, layers, annotations }),
  );
  await send('PUT', store.url(`manifests/${reference.tag}`), new Blob([manifest]), OCI_MANIFEST);
  return sha256(manifest);
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
