/** One call: tried again while the server asks for that and the time lasts. */
import { problemSchema } from '@hilum/wire';
import { CLIENT_CODES, HilumError } from './error.ts';

export interface CallOptions {
  /** Ends the call, with the signal's own reason; the server drops the work. */
  readonly signal?: AbortSignal | undefined;
  /** For the answer, waits and further tries counted; default that of the client. */
  readonly timeoutMs?: number | undefined;
}

export interface TransportOptions {
  /** `http://host:8080`; a path before the server's own addresses is kept. */
  readonly baseUrl: string;
  readonly apiKey?: string | undefined;
  /** A JWT, where the server takes OpenID Connect. */
  readonly token?: string | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** Default 60 000. */
  readonly timeoutMs?: number | undefined;
  /** Monotonic milliseconds. */
  readonly now?: (() => number) | undefined;
  /** In [0, 1). */
  readonly random?: (() => number) | undefined;
}

export type Body = FormData | Blob | Uint8Array<ArrayBuffer> | string;

interface Call {
  readonly method: 'GET' | 'POST';
  /** Relative to the base. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each try. */
  readonly body?: () => Body;
  /** Statuses that are answers, and not failures, beside those of success. */
  readonly answers?: readonly number[];
}

/** @throws HilumError; the reason of the caller's signal */
export type Transport = <T>(
  call: Call,
  options: CallOptions,
  read: (response: Response) => Promise<T>,
) => Promise<T>;

export function createTransport(options: TransportOptions): Transport {
  const { apiKey, token, now = () => performance.now(), random = Math.random } = options;
  const send = options.fetch ?? fetch;
  const base = new URL(options.baseUrl.endsWith('/') ? options.baseUrl : `${options.baseUrl}/`);
  const identity: Record<string, string> = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(apiKey !== undefined && { 'x-api-key': apiKey }),
  };

  return async (call, { signal, timeoutMs = options.timeoutMs ?? 60_000 }, read) => {
    signal?.throwIfAborted();
    const endsAt = now() + timeoutMs;
    const late = AbortSignal.timeout(timeoutMs);
    const either = signal === undefined ? late : AbortSignal.any([signal, late]);
    try {
      for (let attempt = 0; ; attempt += 1) {
        const leftMs = Math.max(1, Math.floor(endsAt - now()));
        const response = await send(new URL(call.path, base), {
          method: call.method,
          // So that the server does not work on what nobody waits for any more.
          headers: { 'x-request-timeout-ms': String(leftMs), ...identity, ...call.headers },
          signal: either,
          ...(call.body !== undefined && { body: call.body() }),
        });
        if (response.ok || call.answers?.includes(response.status) === true) return await read(response);
        const error = await errorOf(response);
        const pauseMs = pauseOf(response, attempt, random);
        if (pauseMs === undefined || now() + pauseMs >= endsAt) throw error;
        await sleep(pauseMs, either);
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HilumError) throw error;
      const code = late.aborted ? 'TIMEOUT' : 'UNREACHABLE';
      throw new HilumError(code, CLIENT_CODES[code], { cause: error });
    }
  };
}

async function errorOf(response: Response): Promise<HilumError> {
  const { status } = response;
  const problem = problemSchema.safeParse(await response.json().catch(() => undefined));
  if (!problem.success)
    return new HilumError('NOT_HILUM', `${CLIENT_CODES.NOT_HILUM} (${status})`, { status });
  const { code, detail } = problem.data;
  return new HilumError(code, detail, { status, problem: problem.data });
}

// Only what a server or its proxy refuses before it begins: it says when to come back, or means soon.
const BUSY = new Set([429, 503]);
const PAUSE_MIN_MS = 250;
const PAUSE_MAX_MS = 10_000;

/** Before the next try, with jitter: those who were refused together must not come back together. */
function pauseOf(response: Response, attempt: number, random: () => number): number | undefined {
  if (!BUSY.has(response.status)) return undefined;
  const header = response.headers.get('retry-after')?.trim() ?? '';
  const askedMs = /^\d{1,6}$/.test(header) ? Number(header) * 1000 : 0;
  const ownMs = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** Math.min(attempt, 10));
  return Math.max(askedMs, ownMs / 2) + (random() * ownMs) / 2;
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', end, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}
