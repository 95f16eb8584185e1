/** The two kinds of DVC remote that we speak: a folder, and a web server that takes GET, HEAD and PUT. */
import { createReadStream, openAsBlob } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TrainerError } from '../errors.ts';

/** A store of objects by path; every method may throw DATASET_UNREACHABLE, DATASET_FORBIDDEN, REMOTE_UNSUPPORTED and stops when the signal says so. */
export interface Remote {
  /** The bytes of an object, or undefined where it is absent. */
  readonly read: (path: string, signal?: AbortSignal) => Promise<AsyncIterable<Uint8Array> | undefined>;
  readonly has: (path: string, signal?: AbortSignal) => Promise<boolean>;
  /** Stores a file whole or not at all. */
  readonly write: (path: string, from: string, signal?: AbortSignal) => Promise<void>;
}

export type RemoteAuth =
  | { readonly username: string; readonly password: string }
  | { readonly token: string };

export interface RemoteOptions {
  readonly auth?: RemoteAuth;
  readonly fetch?: typeof fetch;
  /** Longest time for one object, default 10 minutes. */
  readonly timeoutMs?: number;
}

/**
 * @param uri `file:///…`, or `http(s)://…` to which `files/md5/ab/cdef…` is appended
 * @throws TrainerError REMOTE_UNSUPPORTED
 */
export function openRemote(uri: string, options: RemoteOptions = {}): Remote {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.protocol === 'file:') return folderRemote(fileURLToPath(url));
  if (url?.protocol === 'http:' || url?.protocol === 'https:') {
    if (url.username === '' && url.password === '') return webRemote(url, options);
    throw new TrainerError('REMOTE_UNSUPPORTED', 'credentials do not belong in the address of the remote');
  }
  throw new TrainerError('REMOTE_UNSUPPORTED', `${uri}: a remote is file:///… or http(s)://…`);
}

function folderRemote(root: string): Remote {
  return {
    read: async (path) => ((await isFile(join(root, path))) ? createReadStream(join(root, path)) : undefined),
    has: (path) => isFile(join(root, path)),
    write: async (path, from, signal) => {
      const place = join(root, path);
      const scratch = `${place}.${process.pid}.tmp`;
      await mkdir(dirname(place), { recursive: true });
      try {
        signal?.throwIfAborted();
        await copyFile(from, scratch);
        await rename(scratch, place);
      } catch (error) {
        await rm(scratch, { force: true });
        throw error;
      }
    },
  };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return false;
    throw new TrainerError('DATASET_UNREACHABLE', `${path} cannot be read`, { cause });
  }
}

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 250;

function webRemote(base: URL, options: RemoteOptions): Remote {
  const call = options.fetch ?? fetch;
  const headers = authorization(options.auth);
  const root = base.href.replace(/\/+$/, '');

  /** One request; what may pass by itself (no answer, 408, 429, 5xx) is tried again, with growing pauses. */
  async function send(
    method: string,
    path: string,
    body: Blob | undefined,
    signal?: AbortSignal,
  ): Promise<Response> {
    let trouble: TrainerError | undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (attempt > 0) await sleep(FIRST_PAUSE_MS * 4 ** (attempt - 1), undefined, { signal });
      const deadline = AbortSignal.timeout(options.timeoutMs ?? 600_000);
      const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
      try {
        const response = await call(`${root}/${path}`, { method, headers, body, signal: either });
        if (response.status < 500 && response.status !== 408 && response.status !== 429) return response;
        await response.body?.cancel();
        trouble = new TrainerError(
          'DATASET_UNREACHABLE',
          `${root} answers ${method} with status ${response.status}`,
        );
      } catch (cause) {
        signal?.throwIfAborted();
        trouble = new TrainerError('DATASET_UNREACHABLE', `${root} does not answer`, { cause });
      }
    }
    throw trouble ?? new TrainerError('DATASET_UNREACHABLE');
  }

  function refuse(method: string, status: number): TrainerError {
    if (status === 401 || status === 403) {
      return new TrainerError('DATASET_FORBIDDEN', `${root} answers ${method} with status ${status}`);
    }
    return new TrainerError('DATASET_UNREACHABLE', `${root} answers ${method} with status ${status}`);
  }

  async function ask(
    method: 'GET' | 'HEAD',
    path: string,
    signal?: AbortSignal,
  ): Promise<Response | undefined> {
    const response = await send(method, path, undefined, signal);
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status === 404 || response.status === 410) return undefined;
    throw refuse(method, response.status);
  }

  return {
    read: async (path, signal) => (await ask('GET', path, signal))?.body ?? undefined,
    has: async (path, signal) => {
      const response = await send('HEAD', path, undefined, signal);
      await response.body?.cancel();
      // A server without HEAD says so; the object is then sent, which is always right and sometimes needless.
      if (response.ok) return true;
      if ([404, 405, 410, 501].includes(response.status)) return false;
      throw refuse('HEAD', response.status);
    },
    write: async (path, from, signal) => {
      const response = await send('PUT', path, await openAsBlob(from), signal);
      await response.body?.cancel();
      if (!response.ok) throw refuse('PUT', response.status);
    },
  };
}

function authorization(auth: RemoteAuth | undefined): Record<string, string> {
  if (auth === undefined) return {};
  if ('token' in auth) return { authorization: `Bearer ${auth.token}` };
  const pair = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return { authorization: `Basic ${pair}` };
}
