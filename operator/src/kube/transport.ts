/** Raw JSON to and from the API server: rate limit, deadlines, Retry-After, credentials, errors with a reason. */
import type { KubeConfig } from '@kubernetes/client-node';
import { request as undiciRequest, type Dispatcher } from 'undici';
import { deadline, orAbort, sleep, type Clock } from './clock.ts';
import { createConnection } from './connection.ts';
import { decodeStatus, isJson, parseJson } from './decode.ts';
import { createDiscovery, type KnownResource } from './discovery.ts';
import { ApiError } from './errors.ts';
import { createRateLimit } from './ratelimit.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; default `application/json`. A patch must name its kind. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** For the whole call, waits for the rate limit and for Retry-After included; default 30 s. */
  readonly timeoutMs?: number;
  /** Waits neither for the rate limit nor for a free socket of the pool: for a lease that must not be late. */
  readonly urgent?: boolean;
}

export interface Transport {
  /** One call; the parsed answer, or an `ApiError`. */
  request(method: Method, path: string, options?: RequestOptions): Promise<unknown>;
  /** Opens an endless GET (`timeoutMs` is for the answer's head) and gives its bytes as they come. */
  stream(path: string, options?: RequestOptions): Promise<AsyncIterable<Uint8Array>>;
  /** Where objects of a kind live, asked of the API server and remembered. */
  resourceOf(apiVersion: string, kind: string): Promise<KnownResource>;
  /** Ends every socket. */
  close(): Promise<void>;
}

export interface Call {
  readonly method: Method;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly seconds: number;
}

export interface TransportOptions {
  readonly kubeConfig: KubeConfig;
  readonly clock: Clock;
  /** Aborts every call. */
  readonly signal: AbortSignal;
  /** Calls a second; default 100, -1 for no limit. */
  readonly qps?: number;
  /** Calls at once above that; default 200. */
  readonly burst?: number;
  readonly userAgent?: string;
  /** Told of every answer and of every call without one. */
  readonly onCall?: (call: Call) => void;
}

const CALL_TIMEOUT_MS = 30_000;
const MAX_ATTEMPTS = 5;

export function createTransport(options: TransportOptions): Transport {
  const { clock, onCall } = options;
  const connection = createConnection(options.kubeConfig, clock);
  const limit = createRateLimit({ qps: options.qps ?? 100, burst: options.burst ?? 200, clock });
  const prefix = connection.baseUrl.pathname === '/' ? '' : connection.baseUrl.pathname;

  async function send(
    method: Method,
    path: string,
    how: RequestOptions,
    signal: AbortSignal,
    endless: boolean,
  ) {
    const started = clock.elapsed();
    const report = (status: number): void =>
      onCall?.({ method, status, seconds: (clock.elapsed() - started) / 1000 });
    if (how.urgent !== true) await limit.take(signal);
    signal.throwIfAborted();
    // A credential plugin may hang: its wait counts too.
    const session = await orAbort(connection.session(), signal);
    let response: Dispatcher.ResponseData;
    try {
      response = await undiciRequest(new URL(prefix + path + queryOf(how.query), connection.baseUrl), {
        method,
        dispatcher: endless || how.urgent === true ? session.streams : session.calls,
        headers: {
          ...session.headers,
          accept: 'application/json',
          'user-agent': options.userAgent ?? 'kube-runtime',
          ...(how.body === undefined ? {} : { 'content-type': how.contentType ?? 'application/json' }),
        },
        ...(how.body === undefined ? {} : { body: JSON.stringify(how.body) }),
        signal,
        // Silence is judged by our own deadlines and, in a stream, by its reader.
        bodyTimeout: 0,
        headersTimeout: 0,
      });
    } catch (cause) {
      report(0);
      throw cause;
    }
    report(response.statusCode);
    if (response.statusCode === 401) connection.refused();
    if (response.statusCode >= 300) throw await failure(response, `${method} ${path}`);
    return response;
  }

  async function once(
    method: Method,
    path: string,
    how: RequestOptions,
    signal: AbortSignal,
  ): Promise<unknown> {
    const response = await send(method, path, how, signal, false);
    return parseJson(await response.body.text());
  }

  const transport: Transport = {
    request: async (method, path, how = {}) => {
      const timeoutMs = how.timeoutMs ?? CALL_TIMEOUT_MS;
      const until = clock.elapsed() + timeoutMs;
      const limits = deadline(clock, timeoutMs, [options.signal, how.signal]);
      try {
        for (let attempt = 1; ; attempt++) {
          try {
            return await once(method, path, how, limits.signal);
          } catch (error) {
            const waitMs = retryWaitMs(error);
            // Too long to wait here: the caller's queue can do it without holding a worker.
            if (waitMs === undefined || attempt >= MAX_ATTEMPTS || clock.elapsed() + waitMs >= until)
              throw error;
            await sleep(clock, waitMs, limits.signal);
          }
        }
      } catch (error) {
        throw explain(error, `${method} ${path}`, limits.expired ? timeoutMs : undefined, limits.signal);
      } finally {
        limits.end();
      }
    },

    stream: async (path, how = {}) => {
      const timeoutMs = how.timeoutMs ?? CALL_TIMEOUT_MS;
      const opening = deadline(clock, timeoutMs, [options.signal, how.signal]);
      const life = new AbortController();
      const parents = [options.signal, how.signal].filter((signal) => signal !== undefined);
      const abort = (): void => life.abort();
      opening.signal.addEventListener('abort', abort, { once: true });
      if (opening.signal.aborted) abort();
      try {
        const response = await send('GET', path, how, life.signal, true);
        for (const parent of parents) parent.addEventListener('abort', abort, { once: true });
        return untilEnd(response.body, life.signal, `GET ${path}`, () => {
          for (const parent of parents) parent.removeEventListener('abort', abort);
        });
      } catch (error) {
        throw explain(error, `GET ${path}`, opening.expired ? timeoutMs : undefined, life.signal);
      } finally {
        opening.signal.removeEventListener('abort', abort);
        opening.end();
      }
    },

    resourceOf: createDiscovery((path) => transport.request('GET', path)),
    close: () => connection.close(),
  };
  return transport;
}

async function* untilEnd(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  what: string,
  end: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw explain(error, what, undefined, signal);
  } finally {
    end();
  }
}

/** How long the server asked to wait, where it refused to begin (429) or could not (5xx) and so nothing was done. */
function retryWaitMs(error: unknown): number | undefined {
  if (!(error instanceof ApiError) || (error.status !== 429 && error.status < 500)) return undefined;
  return error.retryAfterMs;
}

async function failure(response: Dispatcher.ResponseData, what: string): Promise<ApiError> {
  const text = await response.body.text();
  const code = response.statusCode;
  let body: unknown;
  try {
    body = JSON.parse(text) as unknown;
  } catch {
    // A load balancer's page: the status code says what can be said.
  }
  const status = isJson(body) && body['kind'] === 'Status' ? body : {};
  const seconds = Number(response.headers['retry-after']);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
  return ApiError.fromStatus({ ...decodeStatus(status, code), code }, what, retryAfterMs);
}

function explain(
  error: unknown,
  what: string,
  expiredAfterMs: number | undefined,
  signal: AbortSignal,
): unknown {
  if (expiredAfterMs !== undefined) {
    const message = `${what}: no answer within ${expiredAfterMs / 1000} s`;
    return new ApiError({ status: 0, reason: 'Timeout', message, cause: error });
  }
  if (error instanceof ApiError) return error;
  if (signal.aborted) {
    return new ApiError({ status: 0, reason: 'Aborted', message: `${what}: given up`, cause: error });
  }
  const why = error instanceof Error ? error.message : String(error);
  return new ApiError({ status: 0, reason: 'Unreachable', message: `${what}: ${why}`, cause: error });
}

function queryOf(query: RequestOptions['query']): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}
