/** Writes: server-side apply, creation, deletion with preconditions, metadata patches. */
import { decodeObject } from './decode.ts';
import { isNotFound } from './errors.ts';
import { pathOf, type KubeObject, type ObjectMeta } from './object.ts';
import type { Transport } from './transport.ts';

export interface WriteOptions {
  /** Who owns the fields that are written. */
  readonly fieldManager: string;
  readonly signal?: AbortSignal;
}

export interface ApplyOptions extends WriteOptions {
  /** Takes fields that another manager owns; without it that is a 409. */
  readonly force: boolean;
}

/**
 * Makes the object be as described; fields that this manager described before and does not now are removed. With
 * `metadata.uid` it never creates (409 when that very object is gone), without it a missing object is created.
 */
export async function apply(
  transport: Transport,
  object: KubeObject,
  options: ApplyOptions,
): Promise<KubeObject> {
  return patch(transport, object, 'apply-patch+yaml', object, options);
}

/** Applies the status subresource; use a field manager of its own. The object needs identity and `status` only. */
export async function applyStatus(
  transport: Transport,
  object: KubeObject,
  options: ApplyOptions,
): Promise<KubeObject> {
  return patch(transport, object, 'apply-patch+yaml', object, options, 'status');
}

/** Creates, or fails with `AlreadyExists`: for objects that must never be made twice. */
export async function create(
  transport: Transport,
  object: KubeObject,
  options: WriteOptions,
): Promise<KubeObject> {
  const path = pathOf({
    ...(await transport.resourceOf(object.apiVersion, object.kind)),
    ...scope(object.metadata),
  });
  const query = { fieldManager: options.fieldManager };
  return decodeObject(await transport.request('POST', path, { query, body: object, signal: options.signal }));
}

/** What names one object. */
export type Reference = Pick<KubeObject, 'apiVersion' | 'kind'> & {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace'>;
};

export interface RemoveOptions {
  /** Only the very object that was seen, never its successor under the same name. */
  readonly uid: string | undefined;
  /** Only in the state that was seen. */
  readonly resourceVersion?: string;
  readonly propagation: 'Background' | 'Foreground' | 'Orphan';
  readonly signal?: AbortSignal;
}

/** Deletes; `absent` when it was gone already. Throws `Conflict` when a precondition does not hold. */
export async function remove(
  transport: Transport,
  object: Reference,
  options: RemoveOptions,
): Promise<'removed' | 'absent'> {
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid: options.uid, resourceVersion: options.resourceVersion },
    propagationPolicy: options.propagation,
  };
  try {
    await transport.request('DELETE', await pathTo(transport, object), { body, signal: options.signal });
    return 'removed';
  } catch (error) {
    if (isNotFound(error)) return 'absent';
    throw error;
  }
}

/** `null` removes a label or annotation. Finalizers are replaced as a list. */
export interface MetadataPatch {
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string | null>>;
  readonly annotations?: Readonly<Record<string, string | null>>;
}

/** Changes metadata of exactly the state that was read: `Conflict` when someone wrote since. */
export async function patchMetadata(
  transport: Transport,
  object: KubeObject,
  metadata: MetadataPatch,
  options: WriteOptions,
): Promise<KubeObject> {
  const { uid, resourceVersion } = object.metadata;
  return patch(
    transport,
    object,
    'merge-patch+json',
    { metadata: { ...metadata, uid, resourceVersion } },
    options,
  );
}

async function patch(
  transport: Transport,
  object: Reference,
  type: 'apply-patch+yaml' | 'merge-patch+json',
  body: unknown,
  options: WriteOptions & { readonly force?: boolean },
  subresource?: string,
): Promise<KubeObject> {
  const answer = await transport.request('PATCH', await pathTo(transport, object, subresource), {
    query: { fieldManager: options.fieldManager, force: options.force },
    contentType: `application/${type}`,
    body,
    signal: options.signal,
  });
  return decodeObject(answer);
}

async function pathTo(transport: Transport, object: Reference, subresource?: string): Promise<string> {
  const resource = await transport.resourceOf(object.apiVersion, object.kind);
  return pathOf({ ...resource, ...scope(object.metadata) }, object.metadata.name, subresource);
}

function scope(metadata: { readonly namespace?: string }): { readonly namespace?: string } {
  return metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
}
