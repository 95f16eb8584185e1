/** Objects over HTTP, with patience: retries, deadlines, ranges, redirects. */
import { openAsBlob } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from './errors.ts';
import type { ObjectStore } from './objects.ts';
import { steadyFetch } from './steady-fetch.ts';
import { type StallGuard, stallGuard } from './stall.ts';

/** What tells a plain web server from S3. */
export interface WebStore {
  /** Address without credentials, for messages. */
  readonly name: string;
  readonly url: (path: string) => URL;
  /** All headers of a request, with what proves who asks. */
  readonly headers: (request: WebRequest) => Promise<Record<string, string>>;
  readonly uploadMethod: 'PUT' | 'POST';
  /** Headers of an upload by which the store checks what it got. */
  readonly digest?: (md5: string) => Record<string, string>;
  /** Largest object that one upload may hold. */
  readonly maxUploadBytes?: number;
}

interface WebRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Record<string, string>;
}

export interface WebOptions {
  readonly fetch?: typeof fetch;
  /** Longest time for an answer, and between two pieces of an object; default 1 minute. */
  readonly stallMs?: number;
  /** Longest time for the upload of one object, default 10 minutes. */
  readonly timeoutMs?: number;
}

interface Ask {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST';
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: Blob;
  readonly signal?: AbortSignal | undefined;
}

interface Answer {
  readonly response: Response;
  readonly guard: StallGuard;
}

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 250;
/** The longest `Retry-After` that is obeyed. */
const MAX_PAUSE_MS = 30_000;
const MAX_REDIRECTS = 5;

export function objectsOf(store: WebStore, options: WebOptions = {}): ObjectStore {
  const call = options.fetch ?? steadyFetch;
  const stallMs = options.stallMs ?? 60_000;
  const uploadMs = options.timeoutMs ?? 600_000;

  /** One request; what may pass by itself (no answer, 408, 429, 5xx) is tried again, with growing pauses. */
  async function send(ask: Ask): Promise<Answer> {
    let trouble: StoreError | undefined;
    let pauseMs = 0;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal: ask.signal });
      pauseMs = FIRST_PAUSE_MS * 4 ** attempt;
      const guard = stallGuard(ask.body === undefined ? stallMs : uploadMs, ask.signal);
      try {
        const response = await follow(ask, guard.signal);
        if (response.status < 500 && response.status !== 408 && response.status !== 429)
          return { response, guard };
        pauseMs = Math.max(pauseMs, retryAfterMs(response));
        trouble = await refusal(ask.method, response);
      } catch (cause) {
        ask.signal?.throwIfAborted();
        if (cause instanceof StoreError) throw cause;
        trouble = new StoreError('STORE_UNREACHABLE', `${store.name} does not answer`, { cause });
      }
      guard.end();
    }
    throw trouble ?? new StoreError('STORE_UNREACHABLE');
  }

  /** Redirects are followed here, as fetch would take a header of the server's own along to another host. */
  async function follow(ask: Ask, signal: AbortSignal): Promise<Response> {
    const home = store.url(ask.path);
    let url = home;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const plain = { method: ask.method, url, headers: ask.headers ?? {} };
      const headers = url.origin === home.origin ? await store.headers(plain) : plain.headers;
      const { method, body } = ask;
      const response = await call(url.href, { method, headers, body, signal, redirect: 'manual' });
      const to = response.headers.get('location');
      if (![301, 302, 303, 307, 308].includes(response.status) || to === null) return response;
      // An upload goes on only where the server says to send the same again.
      if (body !== undefined && response.status < 307) return response;
      await response.body?.cancel();
      const next = URL.canParse(to, url.href) ? new URL(to, url.href) : undefined;
      if (next === undefined || !['https:', home.protocol].includes(next.protocol)) {
        throw new StoreError('STORE_UNSUPPORTED', `${store.name} redirects to where nothing can be asked`);
      }
      url = next;
    }
    throw new StoreError('STORE_UNREACHABLE', `${store.name} redirects without end`);
  }

  async function refusal(method: string, response: Response): Promise<StoreError> {
    const code = await errorCode(response);
    const region = response.headers.get('x-amz-bucket-region');
    const hints = [code, region === null ? undefined : `the bucket is in ${region}`].filter(Boolean);
    const said = hints.length === 0 ? '' : ` (${hints.join(', ')})`;
    const text = `${store.name} answers ${method} with status ${response.status}${said}`;
    const forbidden = response.status === 401 || response.status === 403;
    return new StoreError(forbidden ? 'STORE_REFUSED' : 'STORE_UNREACHABLE', text);
  }

  return {
    read: async (path, from, signal) => {
      const range = from > 0 ? { range: `bytes=${from}-` } : undefined;
      let { response, guard } = await send({ method: 'GET', path, headers: range, signal });
      if (response.status === 416 || (response.status === 206 && startOf(response) !== from)) {
        // Longer than the object, or a part that was not asked for: from the start again.
        await drop(response, guard);
        ({ response, guard } = await send({ method: 'GET', path, signal }));
      }
      if (response.ok) {
        const bytes = guard.watch(response.body ?? new Blob([]).stream());
        return { from: response.status === 206 ? from : 0, bytes };
      }
      guard.end();
      const trouble = await refusal('GET', response);
      if (response.status === 404 || response.status === 410) return undefined;
      throw trouble;
    },
    has: async (path, signal) => {
      const { response, guard } = await send({ method: 'HEAD', path, signal });
      await drop(response, guard);
      // A server without HEAD says so; the object is then sent, which is always right and sometimes needless.
      if (response.ok) return true;
      if ([404, 405, 410, 501].includes(response.status)) return false;
      throw await refusal('HEAD', response);
    },
    write: async (path, { file, bytes, md5 }, signal) => {
      if (bytes > (store.maxUploadBytes ?? Infinity)) {
        throw new StoreError('STORE_UNSUPPORTED', `${file} is larger than ${store.name} takes at once`);
      }
      const method = store.uploadMethod;
      const headers = store.digest?.(md5) ?? {};
      const { response, guard } = await send({ method, path, headers, body: await openAsBlob(file), signal });
      guard.end();
      if (!response.ok) throw await refusal(method, response);
      await response.body?.cancel();
    },
  };
}

async function drop(response: Response, guard: StallGuard): Promise<void> {
  await response.body?.cancel();
  guard.end();
}

/** First byte of a partial answer. */
function startOf(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? 0);
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds * 1000), MAX_PAUSE_MS) : 0;
}

/** S3's name for what is wrong; nothing else of an error page is repeated. Ends the body. */
async function errorCode(response: Response): Promise<string | undefined> {
  if (response.body === null || response.bodyUsed) return undefined;
  let text = '';
  try {
    for await (const chunk of response.body) {
      text += Buffer.from(chunk).toString('latin1');
      if (text.length > 4096) break;
    }
  } catch {
    return undefined; // the status says enough
  }
  return /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(text)?.[1];
}
