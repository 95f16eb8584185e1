/** Errors of the table, as gRPC tells them. */
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { ERROR_CODES, type ServerError } from '../errors.ts';

/** By the HTTP status of the table; https://grpc.io/docs/guides/status-codes/ says what each is for. */
const STATUS: Readonly<Record<number, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  405: status.UNIMPLEMENTED,
  408: status.DEADLINE_EXCEEDED,
  413: status.RESOURCE_EXHAUSTED,
  415: status.INVALID_ARGUMENT,
  422: status.INVALID_ARGUMENT,
  429: status.RESOURCE_EXHAUSTED,
  499: status.CANCELLED,
  500: status.INTERNAL,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

export type Refusal = Pick<ServiceError, 'code' | 'details' | 'metadata'>;

/** With the code of the table and the request's id as metadata, and the seconds to wait, which gRPC's own retries read. */
export function refusalOf(error: ServerError, requestId: string): Refusal {
  const metadata = new Metadata();
  metadata.set('hilum-code', error.code);
  metadata.set('hilum-request-id', requestId);
  const { retryAfterSeconds } = error;
  if (retryAfterSeconds !== undefined) {
    metadata.set('retry-after', String(retryAfterSeconds));
    metadata.set('grpc-retry-pushback-ms', String(retryAfterSeconds * 1000));
  }
  const code = STATUS[ERROR_CODES[error.code].status] ?? status.UNKNOWN;
  return { code, details: `${error.code}: ${error.message}`, metadata };
}
