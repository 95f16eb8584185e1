/** A plain web server as a store: addresses, and the header that opens it. */
import { TrainerError } from '../errors.ts';
import type { RemoteAuth } from './remote.ts';
import type { WebStore } from '@hilum/store';

interface HttpStoreOptions {
  readonly auth?: RemoteAuth;
  readonly uploadMethod?: 'PUT' | 'POST';
}

/** @throws TrainerError BAD_CONFIG for credentials that fit in no header */
export function httpStore(base: URL, { auth, uploadMethod = 'PUT' }: HttpStoreOptions): WebStore {
  const root = base.href.replace(/\/+$/, '');
  const own = authorization(auth);
  return {
    name: root,
    url: (path) => new URL(`${root}/${path}`),
    headers: ({ headers }) => Promise.resolve({ ...headers, ...own }),
    uploadMethod,
  };
}

function authorization(auth: RemoteAuth | undefined): Record<string, string> {
  if (auth === undefined) return {};
  const [name, value] = headerOf(auth);
  // What fetch says of a bad header repeats its value.
  try {
    new Headers().set(name, value);
  } catch {
    throw new TrainerError(
      'BAD_CONFIG',
      'the credentials of the remote fit in no header: is there a line break in them?',
    );
  }
  return { [name]: value };
}

function headerOf(auth: RemoteAuth): readonly [string, string] {
  if ('header' in auth) return [auth.header.toLowerCase(), auth.value];
  if ('token' in auth) return ['authorization', `${auth.scheme ?? 'Bearer'} ${auth.token}`];
  return ['authorization', `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`];
}
