/** How a call to the API server fails. */

/** metav1.Status: how the API server explains an error. */
export interface Status {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

export interface ApiErrorOptions extends ErrorOptions {
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/**
 * `reason` is the stable code to compare by: Kubernetes' own (`NotFound`, `Conflict`, `AlreadyExists`, `Expired`,
 * `Invalid`, `Forbidden`, `TooManyRequests`, …), or ours where no answer came: `Unreachable`, `Timeout`, `Aborted`,
 * `Undecodable`.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  /** The server asked to come back no sooner. */
  readonly retryAfterMs?: number;

  constructor(options: ApiErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ApiError';
    this.status = options.status;
    this.reason = options.reason;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }

  static fromStatus(status: Status, what: string, retryAfterMs?: number): ApiError {
    const seconds = status.retryAfterSeconds;
    const after = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000);
    return new ApiError({
      status: status.code,
      reason: status.reason === '' ? (REASONS[status.code] ?? 'Unknown') : status.reason,
      message: `${what}: ${status.code} ${status.message}`.trimEnd(),
      ...(after === undefined ? {} : { retryAfterMs: after }),
    });
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** Another writer was first, or a precondition (uid, resourceVersion) does not hold: read again. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'Conflict';
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'AlreadyExists';
}

/** The resourceVersion or continue token is too old: list again. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 410;
}

// For answers that are no metav1.Status, such as a load balancer's.
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};
