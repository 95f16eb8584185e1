/** Files in an OCI registry, as ORAS keeps them: a manifest whose layers are the files, named by an annotation. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { StoreError } from '../errors.ts';
import type { ObjectBody } from '../objects.ts';
import { type WebOptions, objectsOf } from '../web.ts';
import { ociAuthorization } from './auth.ts';
import { ociCredentials } from './credentials.ts';
import { type OciReference, parseOciReference } from './reference.ts';

export interface OciOptions extends WebOptions {
  /** Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** Each call throws StoreError. */
export interface OciArtifact {
  /** Address without credentials, for messages. */
  readonly name: string;
  /** What the address means now. */
  readonly resolve: (signal?: AbortSignal) => Promise<OciFiles>;
  /** The file's bytes from `from` on, or all of them where the registry knows no ranges; undefined where they are gone. */
  readonly read: (file: OciFile, from: number, signal?: AbortSignal) => Promise<ObjectBody | undefined>;
}

export interface OciFile {
  /** As the annotation says it: relative, with `/`; not checked. */
  readonly path: string;
  /** `sha256:…` of the bytes. */
  readonly digest: string;
  readonly bytes: number;
}

interface OciFiles {
  /** Of the manifest, checked. */
  readonly digest: string;
  readonly files: readonly OciFile[];
}

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const TITLE = 'org.opencontainers.image.title';
/** A manifest may have 4 MiB by the specification. */
const MAX_MANIFEST_BYTES = 4 * 2 ** 20;

const manifestSchema = z.object({
  mediaType: z.literal(OCI_MANIFEST).optional(),
  layers: z.array(
    z.object({
      digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
      size: z.int().min(0),
      annotations: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

/** @throws StoreError STORE_UNSUPPORTED for an address that is none */
export function ociArtifact(address: string, options: OciOptions = {}): OciArtifact {
  const reference = parseOciReference(address);
  const store = registryStore(reference, 'pull', options);
  const objects = objectsOf(store, options);
  const name = `oci://${reference.registry}/${reference.repository}`;
  return {
    name,
    resolve: async (signal) => {
      const want = reference.digest ?? reference.tag;
      const body = await objects.read(`manifests/${want}`, 0, signal);
      if (body === undefined) throw new StoreError('STORE_MISSING', `${name} has no ${want}`);
      const bytes = await small(body, name);
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      if (reference.digest !== undefined && digest !== reference.digest) {
        throw new StoreError('STORE_MALFORMED', `${name} answers ${reference.digest} with ${digest}`);
      }
      return { digest, files: filesOf(bytes, name) };
    },
    read: (file, from, signal) => objects.read(`blobs/${file.digest}`, from, signal),
  };
}

/** The registry's addresses and headers for one repository. */
export function registryStore(
  { registry, repository }: OciReference,
  actions: 'pull' | 'pull,push',
  { env = process.env, now = () => performance.now(), fetch: call = fetch }: OciOptions,
) {
  const origin = `${isPlain(registry, env) ? 'http' : 'https'}://${registry}`;
  let credentials: ReturnType<typeof ociCredentials> | undefined;
  const authorization = ociAuthorization({
    origin,
    repository,
    actions,
    credentials: () => (credentials ??= ociCredentials(registry, env)),
    fetch: call,
    now,
  });
  return {
    name: `oci://${registry}/${repository}`,
    url: (path: string) => new URL(`${origin}/v2/${repository}/${path}`),
    headers: async ({ headers }: { readonly headers: Record<string, string> }) => {
      const value = await authorization();
      return {
        accept: `${OCI_MANIFEST}, */*`,
        ...headers,
        ...(value === undefined ? {} : { authorization: value }),
      };
    },
    uploadMethod: 'PUT' as const,
  };
}

/** This machine's registries, as docker takes them, and those that HILUM_OCI_PLAIN_HTTP names. */
function isPlain(registry: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const named = (env['HILUM_OCI_PLAIN_HTTP'] ?? '').split(',').map((host) => host.trim());
  return /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?$/.test(registry) || named.includes(registry);
}

function filesOf(bytes: Buffer, name: string): OciFile[] {
  const parsed = manifestSchema.safeParse(jsonOf(bytes.toString()));
  if (!parsed.success) {
    throw new StoreError(
      'STORE_MALFORMED',
      `${name} is not an artifact of single files: push them with oras or hilum`,
    );
  }
  return parsed.data.layers.flatMap(({ digest, size, annotations }) => {
    const path = annotations[TITLE];
    // Layers without a title are no files; ORAS leaves them out as well.
    return path === undefined ? [] : [{ path: path.replace(/^\.\//, ''), digest, bytes: size }];
  });
}

async function small({ bytes }: ObjectBody, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES)
      throw new StoreError('STORE_MALFORMED', `the manifest of ${name} is too large`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
