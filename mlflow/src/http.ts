/** One MLflow server over fetch: address, credentials, deadlines, retries, and answers parsed by zod. */
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { z } from 'zod';
import { startDeadline, type Deadline } from './deadline.ts';
import { MlflowError, errorOfAnswer, errorOfFailure } from './errors.ts';
import { createLimiter } from './limiter.ts';

export interface MlflowOptions {
  /** `http(s)://host[:port][/path]`. A user and password in it are taken out and sent as a header. */
  readonly baseUrl: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Instead of a user and password. */
  readonly token?: string | undefined;
  /**
   * How a token is shown: as MLflow's own clients do, `Bearer`, or as user and password of basic authentication, as
   * DagsHub wants it. Nothing else hangs on it: what a server can do is asked, see `capabilities`. Default: `dagshub`
   * for an address of dagshub.com.
   */
  readonly profile?: 'mlflow' | 'dagshub' | undefined;
  readonly fetch?: typeof fetch;
  /** A call takes at most this long, its retries included; default 30 s. */
  readonly timeoutMs?: number;
  /** A transfer goes on as long as no such time passes without progress; default 2 min, for slow stores behind MLflow. */
  readonly transferIdleMs?: number;
  /** How often a call that may be repeated is tried; default 5, with about 0.25, 0.5, 1 and 2 s between. */
  readonly attempts?: number;
  /** In [0, 1): the jitter of these waits. */
  readonly random?: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

interface JsonRequest {
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** By default POST with a body, otherwise GET. */
  readonly method?: 'PATCH';
  readonly body?: unknown;
  /** Sent twice it leaves what it leaves once; default true. Others are repeated only if they surely had no effect. */
  readonly idempotent?: boolean;
  readonly signal: AbortSignal | undefined;
}

interface TransferRequest {
  readonly path: string;
  /** With a body the method is PUT, otherwise GET. Called once an attempt. */
  readonly body?: (deadline: Deadline) => TransferBody;
  readonly signal: AbortSignal | undefined;
}

interface TransferBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly bytes: number;
}

export interface Http {
  readonly baseUrl: URL;
  json<T>(request: JsonRequest, schema: z.ZodType<T>): Promise<T>;
  text(path: string, signal: AbortSignal | undefined): Promise<string>;
  /** `use` reads the answer's body and calls `deadline.extend` as it goes on; it may be called once an attempt. */
  transfer(
    request: TransferRequest,
    use: (answer: Response, deadline: Deadline) => Promise<void>,
  ): Promise<void>;
  /** GET from a byte on; a server that knows no ranges answers from the first. What breaks is not begun again. */
  stream(path: string, from: number, signal: AbortSignal | undefined): Promise<Stream>;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_TRANSFER_IDLE_MS = 120_000;
const DEFAULT_ATTEMPTS = 5;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;
// More in parallel starve the default database pool of MLflow.
const CALLS_AT_ONCE = 8;
// Transfers do not touch the database; this spares disks and memory on both sides.
const TRANSFERS_AT_ONCE = 4;

export function createHttp(options: MlflowOptions): Http {
  const { baseUrl, authorization } = addressOf(options);
  const send = options.fetch ?? fetch;
  const calls = createLimiter(CALLS_AT_ONCE);
  const transfers = createLimiter(TRANSFERS_AT_ONCE);

  async function exchange(url: URL, init: RequestInit, signal: AbortSignal): Promise<Response> {
    const headers = new Headers(init.headers);
    if (authorization !== undefined) headers.set('authorization', authorization);
    // A redirect would turn POST into GET, and is no answer of MLflow: let it be an UNEXPECTED_ANSWER.
    const answer = await send(url, { ...init, headers, signal, redirect: 'manual' });
    if (answer.ok) return answer;
    const retryAfter = answer.headers.get('retry-after');
    throw errorOfAnswer({ status: answer.status, body: await answer.text(), retryAfter }, baseUrl);
  }

  async function repeat<T>(plan: Plan, attempt: (deadline: Deadline) => Promise<T>): Promise<T> {
    const deadline = startDeadline(plan.timeoutMs, plan.signal);
    try {
      for (let tried = 1; ; tried += 1) {
        try {
          return await attempt(deadline);
        } catch (cause) {
          const error = await explain(cause, plan, deadline);
          const again = error.notDone || (error.retryable && plan.idempotent);
          if (!again || tried >= (options.attempts ?? DEFAULT_ATTEMPTS)) throw error;
          await backOff(tried, plan, deadline, error);
        }
      }
    } finally {
      deadline.clear();
    }
  }

  async function explain(cause: unknown, plan: Plan, deadline: Deadline): Promise<MlflowError> {
    plan.signal?.throwIfAborted();
    if (deadline.passed()) {
      const message = `MLflow at ${baseUrl.origin} made no progress in ${plan.timeoutMs} ms`;
      throw new MlflowError('TIMEOUT', message, { cause });
    }
    if (cause instanceof MlflowError || isOfNetwork(cause)) return errorOfFailure(cause, baseUrl);
    throw cause;
  }

  /** Waits, or ends the call with the reason of its last attempt when the time is over. */
  async function backOff(tried: number, plan: Plan, deadline: Deadline, error: MlflowError): Promise<void> {
    const longest = Math.min(FIRST_WAIT_MS * 2 ** (tried - 1), LONGEST_WAIT_MS);
    const waitMs = Math.max(longest * (0.5 + (options.random ?? Math.random)() / 2), error.retryAfterMs);
    const sleep = options.sleep ?? ((ms, signal) => sleepFor(ms, undefined, { signal }));
    try {
      await sleep(waitMs, deadline.signal);
    } catch (cause) {
      plan.signal?.throwIfAborted();
      throw deadline.passed() ? error : cause;
    }
  }

  function urlOf(path: string, query: JsonRequest['query'] = {}): URL {
    const url = new URL(baseUrl.href.replace(/\/$/, '') + path);
    for (const [key, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(key, String(value));
    return url;
  }

  const callTimeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;

  /** Its turn is part of the call's time, and given back while it waits to be repeated. */
  function textOf(
    url: URL,
    init: RequestInit,
    idempotent: boolean,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    return repeat({ timeoutMs: callTimeoutMs, idempotent, signal }, (deadline) =>
      calls.run(async () => (await exchange(url, init, deadline.signal)).text(), deadline.signal),
    );
  }

  return {
    baseUrl,
    async json({ path, query, method = 'POST', body, idempotent = true, signal }, schema) {
      const headers = { 'content-type': 'application/json' };
      const init = body === undefined ? {} : { method, headers, body: JSON.stringify(body) };
      return parse(await textOf(urlOf(path, query), init, idempotent, signal), schema, baseUrl, path);
    },
    text: (path, signal) => textOf(urlOf(path), {}, true, signal),
    async transfer({ path, body, signal }, use) {
      const timeoutMs = options.transferIdleMs ?? DEFAULT_TRANSFER_IDLE_MS;
      const attempt = async (deadline: Deadline): Promise<void> => {
        deadline.extend();
        const sent = body?.(deadline);
        const headers = { 'content-length': String(sent?.bytes) };
        const init: RequestInit =
          sent === undefined ? {} : { method: 'PUT', body: sent.stream, duplex: 'half', headers };
        await use(await exchange(urlOf(path), init, deadline.signal), deadline);
      };
      // The wait for its turn is not part of a transfer's time: others may be long.
      await transfers.run(() => repeat({ timeoutMs, idempotent: true, signal }, attempt), signal);
    },
    async stream(path, from, signal) {
      const timeoutMs = options.transferIdleMs ?? DEFAULT_TRANSFER_IDLE_MS;
      const plan = { timeoutMs, idempotent: true, signal };
      const idle = startDeadline(timeoutMs, signal);
      const begin = (): Promise<Response> => {
        idle.extend();
        const headers = from > 0 ? { range: `bytes=${from}-` } : {};
        return exchange(urlOf(path), { headers }, idle.signal);
      };
      try {
        const answer = await repeat(plan, begin);
        const partial = answer.status === 206 && startOf(answer) === from;
        if (answer.status === 206 && !partial)
          throw new MlflowError('UNEXPECTED_ANSWER', `${path}: another range came`);
        return { from: partial ? from : 0, bytes: watched(answer, plan, idle) };
      } catch (cause) {
        idle.clear();
        throw await explain(cause, plan, idle);
      }
    },
  };

  async function* watched(answer: Response, plan: Plan, idle: Deadline): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
        yield chunk;
        idle.extend();
      }
    } catch (cause) {
      throw await explain(cause, plan, idle);
    } finally {
      idle.clear();
    }
  }
}

/** An answer's body that may come from the middle of a file. */
export interface Stream {
  /** 0, or where the caller wished to begin. */
  readonly from: number;
  /** Throws MlflowError where it breaks off or stalls. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

interface Plan {
  readonly timeoutMs: number;
  readonly idempotent: boolean;
  readonly signal: AbortSignal | undefined;
}

/** First byte of a partial answer. */
function startOf(answer: Response): number {
  return Number(/^bytes (\d+)-/.exec(answer.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
}

/** fetch reports every failure of the connection as a TypeError with the reason as its cause. */
function isOfNetwork(error: unknown): boolean {
  return error instanceof TypeError && error.cause !== undefined;
}

function parse<T>(text: string, schema: z.ZodType<T>, baseUrl: URL, path: string): T {
  const at = `MLflow at ${baseUrl.origin}`;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new MlflowError('UNEXPECTED_ANSWER', `${at} answers ${path} with something other than JSON`, {
      cause,
    });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined ? '' : `: ${issue.path.join('.')} ${issue.message}`;
  throw new MlflowError('UNEXPECTED_ANSWER', `${at} answers ${path} in an unknown form${where}`, {
    cause: parsed.error,
  });
}

interface Address {
  /** Without credentials, query and the last slash. */
  readonly baseUrl: URL;
  readonly authorization: string | undefined;
}

function addressOf(options: MlflowOptions): Address {
  const url = URL.parse(options.baseUrl);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    // The text itself may hold a password: it is not repeated.
    throw new MlflowError('BASE_URL_INVALID', 'the address of MLflow must be http(s)://host[:port][/path]');
  }
  const baseUrl = new URL(url.origin + url.pathname.replace(/\/+$/, ''));
  if (options.token !== undefined) {
    const isDagshub = (options.profile ?? profileOf(url)) === 'dagshub';
    const authorization = isDagshub ? basic(options.token, options.token) : `Bearer ${options.token}`;
    return { baseUrl, authorization };
  }
  const username = options.username ?? decodeURIComponent(url.username);
  const password = options.password ?? decodeURIComponent(url.password);
  return { baseUrl, authorization: username === '' ? undefined : basic(username, password) };
}

function profileOf({ hostname }: URL): 'mlflow' | 'dagshub' {
  return hostname === 'dagshub.com' || hostname.endsWith('.dagshub.com') ? 'dagshub' : 'mlflow';
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
