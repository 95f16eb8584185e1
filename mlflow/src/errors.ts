/** Everything that can go wrong with MLflow, by code. */
import { z } from 'zod';

/** Codes that this room adds. The server's own (`RESOURCE_DOES_NOT_EXIST`, …) pass through unchanged. */
export const MLFLOW_CODES = {
  UNREACHABLE: { retryable: true, text: 'no connection to the tracking server' },
  TIMEOUT: {
    retryable: true,
    text: 'the tracking server did not answer, or a transfer made no progress, in time',
  },
  OVERLOADED: { retryable: true, text: 'the tracking server refused for lack of capacity' },
  SERVER_ERROR: { retryable: true, text: 'the tracking server failed without naming a cause' },
  ARTIFACT_INCOMPLETE: {
    retryable: true,
    text: 'an artifact arrived with another length than it is listed with',
  },
  FORBIDDEN_HOST: {
    retryable: false,
    text: 'the tracking server does not take the host name it was called by',
  },
  UNAUTHENTICATED: { retryable: false, text: 'user name or password is missing or wrong' },
  PERMISSION_DENIED: { retryable: false, text: 'the user may not do this' },
  UNEXPECTED_ANSWER: { retryable: false, text: 'the answer is not one of MLflow; is the address right?' },
  BASE_URL_INVALID: { retryable: false, text: 'the address of the tracking server is not an http(s) URL' },
  EXPERIMENT_DELETED: {
    retryable: false,
    text: 'an experiment of this name was deleted; restore it or name another',
  },
  REGISTRY_MISSING: {
    retryable: false,
    text: 'the tracking server has no model registry; use one that has, or register nothing',
  },
  ALIASES_MISSING: {
    retryable: false,
    text: 'the registry is older than aliases; use MLflow 2.3 or newer, or name versions by number',
  },
  LIMIT_EXCEEDED: {
    retryable: false,
    text: 'a value is longer than MLflow stores; it would be cut silently',
  },
  MODEL_URI_INVALID: {
    retryable: false,
    text: 'a model is named models:/NAME@ALIAS or models:/NAME/VERSION',
  },
  MODEL_NOT_FOUND: { retryable: false, text: 'the registry has no such model or version' },
  ALIAS_NOT_FOUND: { retryable: false, text: 'the registered model has no such alias' },
  ARTIFACT_PATH_INVALID: { retryable: false, text: 'an artifact path leaves its folder or cannot be stored' },
  ARTIFACT_STORE_UNSUPPORTED: { retryable: false, text: 'the artifacts are not behind the tracking server' },
  DESTINATION_NOT_EMPTY: { retryable: false, text: 'the folder to download into holds something' },
} as const satisfies Record<string, { retryable: boolean; text: string }>;

type OwnCode = keyof typeof MLFLOW_CODES;

interface MlflowErrorOptions {
  readonly status?: number | undefined;
  readonly retryable?: boolean;
  /** True when the server surely did not carry the request out, so that even a creation may be sent again. */
  readonly notDone?: boolean;
  /** Before then the server wants no other call. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A failed call. `code` is stable and meant for comparison; the message is for people and holds no credential. */
export class MlflowError extends Error {
  override readonly name = 'MlflowError';
  /** One of `MLFLOW_CODES`, or MLflow's own `error_code`. */
  readonly code: string;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** The same call may succeed later, without anybody doing anything. */
  readonly retryable: boolean;
  readonly notDone: boolean;
  readonly retryAfterMs: number;

  constructor(code: string, message: string, options: MlflowErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.status !== undefined) this.status = options.status;
    this.retryable = options.retryable ?? (code in MLFLOW_CODES && MLFLOW_CODES[code as OwnCode].retryable);
    this.notDone = options.notDone ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

export function hasCode(error: unknown, ...codes: readonly string[]): error is MlflowError {
  return error instanceof MlflowError && codes.includes(error.code);
}

/**
 * The server does not know the call at all, as an older or a hosted one: a page instead of MLflow's JSON, or the code
 * for it. (A wrong address looks the same; `ping` tells the two apart.)
 */
export function isMissingCall(error: unknown): error is MlflowError {
  if (!(error instanceof MlflowError)) return false;
  if (error.code === 'ENDPOINT_NOT_FOUND' || error.code === 'NOT_IMPLEMENTED') return true;
  return error.code === 'UNEXPECTED_ANSWER' && MISSING_STATUS.has(error.status ?? 0);
}

const MISSING_STATUS: ReadonlySet<number> = new Set([404, 405, 501]);

const errorBody = z.object({ error_code: z.string().min(1), message: z.string().default('') });

// What MLflow answers, with various statuses, while its store is busy or away.
const RETRYABLE_SERVER_CODES = new Set([
  'TEMPORARILY_UNAVAILABLE',
  'INTERNAL_ERROR',
  'REQUEST_LIMIT_EXCEEDED',
]);

/** @param retryAfter the header of that name, or null */
export function errorOfAnswer(
  {
    status,
    body,
    retryAfter,
  }: { readonly status: number; readonly body: string; readonly retryAfter: string | null },
  baseUrl: URL,
): MlflowError {
  const at = `MLflow at ${baseUrl.origin}`;
  // The host check of MLflow 3.5 and newer answers in plain text, before any handler.
  if (status === 403 && body.startsWith('Invalid Host header')) {
    const hosts = `${baseUrl.hostname},${baseUrl.hostname}:*`;
    const todo = `start the server with --allowed-hosts that lists it, for example "${hosts}"`;
    return new MlflowError('FORBIDDEN_HOST', `${at} does not take the host name ${baseUrl.host}; ${todo}`, {
      status,
    });
  }
  if (status === 401) {
    const todo = 'set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD';
    return new MlflowError('UNAUTHENTICATED', `${at} refuses the user or password; ${todo}`, { status });
  }
  const known = errorBody.safeParse(parseJson(body));
  if (!known.success) return errorWithoutCode(status, body, at, retryAfterMs(retryAfter));
  const { error_code: code, message } = known.data;
  const firstLine = (message.split('\n', 1)[0] ?? '').slice(0, 300);
  // SQLite and small pools under load: HTTP 400, yet nothing was done. On MLflow 3.17, 7 of 40 run creations at once.
  if (message.includes('QueuePool limit')) {
    return new MlflowError('OVERLOADED', `${at} has no free database connection`, { status, notDone: true });
  }
  const retryable = RETRYABLE_SERVER_CODES.has(code) || isRetryableStatus(status);
  return new MlflowError(code, `${at}: ${firstLine}`, {
    status,
    retryable,
    retryAfterMs: retryAfterMs(retryAfter),
  });
}

function errorWithoutCode(status: number, body: string, at: string, waitMs: number): MlflowError {
  if (status === 403)
    return new MlflowError('PERMISSION_DENIED', `${at} answers 403: ${excerpt(body)}`, { status });
  if (status === 429 || status === 503) {
    return new MlflowError('OVERLOADED', `${at} answers ${status}`, {
      status,
      notDone: true,
      retryAfterMs: waitMs,
    });
  }
  if (status >= 500 && status !== 501)
    return new MlflowError('SERVER_ERROR', `${at} answers ${status}: ${excerpt(body)}`, { status });
  return new MlflowError('UNEXPECTED_ANSWER', `${at} answers ${status}: ${excerpt(body)}`, { status });
}

/** What `fetch` threw, other than for an abort. */
export function errorOfFailure(cause: unknown, baseUrl: URL): MlflowError {
  if (cause instanceof MlflowError) return cause;
  const code = networkCode(cause);
  const why = code ?? (cause instanceof Error ? cause.message : String(cause));
  const notDone = code !== undefined && NEVER_SENT.has(code);
  return new MlflowError('UNREACHABLE', `MLflow at ${baseUrl.origin} is not reachable (${why})`, {
    cause,
    notDone,
  });
}

const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function networkCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code;
  }
  return undefined;
}

function isRetryableStatus(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501);
}

/** In seconds; the other form, a date, would have us trust two clocks. */
function retryAfterMs(header: string | null): number {
  return header !== null && /^\d{1,5}$/.test(header) ? Number(header) * 1000 : 0;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function excerpt(body: string): string {
  const text = body.replaceAll(/<[^>]*>|\s+/g, ' ').trim();
  return text === '' ? 'nothing' : text.slice(0, 120);
}
