/** Requests that never become one: not HTTP, or not here in time. */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorCode, PROBLEM_TYPE, ServerError, problemOf } from './errors.ts';

export interface BadHttp {
  readonly answer: (error: NodeJS.ErrnoException, socket: Socket) => void;
  /** Was this connection given up because its request came too slowly? */
  readonly wasLate: (socket: Socket) => boolean;
}

/** Of node's parser, in ours. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'BODY_TIMEOUT',
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
};

export function createBadHttp(): BadHttp {
  const late = new WeakSet<Socket>();
  return {
    wasLate: (socket) => late.has(socket),
    answer: (error, socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) return;
      if (/^ERR_(?:TLS|SSL)_/.test(error.code ?? '')) {
        // No handshake, so nothing can be said: an answer would wait for it for ever.
        socket.destroy();
        return;
      }
      const code = CODES[error.code ?? ''] ?? 'REQUEST_INVALID';
      if (code === 'BODY_TIMEOUT') late.add(socket);
      // A client that goes on dripping bytes must not keep the connection.
      socket.end(response(code), () => socket.destroy());
    },
  };
}

function response(code: ErrorCode): string {
  const problem = problemOf(new ServerError(code), randomUUID());
  const body = JSON.stringify(problem);
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}
