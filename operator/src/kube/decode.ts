/**
 * The border with the API server: raw JSON to the few shapes the runtime relies on.
 *
 * Written by hand and not with zod because every watch event passes here (tens of thousands a second at a relist);
 * only what the runtime itself reads is checked. This is the one file of the runtime that may cast.
 */
import { ApiError, type Status } from './errors.ts';
import type { KubeObject } from './object.ts';

export interface ListPage {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }
  | { readonly type: 'ERROR'; readonly status: Status };

export interface ApiResource {
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `JSON.parse` whose error does not quote the text, which may hold anything. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw undecodable(`${text.length} characters that are not JSON`);
  }
}

/** Checks an object's identity. List items carry no apiVersion and kind of their own: give the list's. */
export function decodeObject(value: unknown, apiVersion?: string, kind?: string): KubeObject {
  if (!isJson(value) || !isJson(value['metadata']) || typeof value['metadata']['name'] !== 'string') {
    throw undecodable('something that is not an object with metadata.name');
  }
  const object = value as { apiVersion?: string; kind?: string; metadata: { managedFields?: unknown } };
  object.apiVersion ??= apiVersion;
  object.kind ??= kind;
  // About four fifths of a cached object's memory, and nothing here reads it.
  delete object.metadata.managedFields;
  return value as unknown as KubeObject;
}

export function decodeList(value: unknown): ListPage {
  const metadata = isJson(value) ? value['metadata'] : undefined;
  if (!isJson(value) || !isJson(metadata) || typeof metadata['resourceVersion'] !== 'string') {
    throw undecodable('something that is not a list');
  }
  const items = Array.isArray(value['items']) ? (value['items'] as unknown[]) : [];
  const apiVersion = stringOr(value['apiVersion'], '');
  const kind = stringOr(value['kind'], '').replace(/List$/, '');
  const next = stringOr(metadata['continue'], '');
  return {
    items: items.map((item) => decodeObject(item, apiVersion, kind)),
    resourceVersion: metadata['resourceVersion'],
    ...(next === '' ? {} : { continue: next }),
  };
}

export function decodeWatchEvent(value: unknown): WatchEvent {
  const type = isJson(value) ? value['type'] : undefined;
  const object = isJson(value) ? value['object'] : undefined;
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object: decodeObject(object) };
    case 'BOOKMARK': {
      const metadata = isJson(object) ? object['metadata'] : undefined;
      return {
        type,
        resourceVersion: stringOr(isJson(metadata) ? metadata['resourceVersion'] : undefined, ''),
      };
    }
    case 'ERROR':
      return { type, status: decodeStatus(object, 500) };
    default:
      throw undecodable(`a watch event of unknown type`);
  }
}

/** Reads a metav1.Status as far as it is one; `code` is used where it is not. */
export function decodeStatus(value: unknown, code: number): Status {
  const status = isJson(value) ? value : {};
  const details = isJson(status['details']) ? status['details'] : {};
  const after = details['retryAfterSeconds'];
  return {
    code: typeof status['code'] === 'number' ? status['code'] : code,
    reason: stringOr(status['reason'], ''),
    message: stringOr(status['message'], ''),
    ...(typeof after === 'number' ? { retryAfterSeconds: after } : {}),
  };
}

/** An APIResourceList without its subresources. */
export function decodeApiResources(value: unknown): readonly ApiResource[] {
  const resources =
    isJson(value) && Array.isArray(value['resources']) ? (value['resources'] as unknown[]) : [];
  return resources
    .filter((entry): entry is Json => isJson(entry))
    .map((entry) => ({
      plural: stringOr(entry['name'], ''),
      kind: stringOr(entry['kind'], ''),
      namespaced: entry['namespaced'] === true,
    }))
    .filter((entry) => entry.plural !== '' && !entry.plural.includes('/'));
}

/** The answer is not what the Kubernetes API promises: a proxy's page, a cut line, another server. */
export function undecodable(what: string): ApiError {
  return new ApiError({ status: 0, reason: 'Undecodable', message: `the API server sent ${what}` });
}

function stringOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
