/** Two protocols on one port: what begins with HTTP/2's preface goes one way, all else stays with node's HTTP/1.1. */
import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

export interface SplitOptions {
  /** Owns the socket from then on; what was read of it is back in it. */
  readonly http2: (socket: Socket) => void;
  /** For the first bytes, from the connection or the end of its handshake. */
  readonly timeoutMs: number;
}

/**
 * Over TLS the clear text is looked at, whatever ALPN said: a server whose `ALPNProtocols` has `h2` serves both.
 *
 * @returns drops the connections that have said nothing yet, for a server that closes
 */
export function splitProtocols(
  server: HttpServer | HttpsServer,
  { http2, timeoutMs }: SplitOptions,
): () => void {
  const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
  const http1 = server.listeners(event) as ((socket: Socket) => void)[];
  const undecided = new Set<Socket>();
  server.removeAllListeners(event);
  server.on(event, (socket: Socket) => {
    undecided.add(socket);
    const leave = (): void => {
      undecided.delete(socket);
      clearTimeout(late);
      socket.off('readable', look);
      socket.off('close', leave);
      socket.off('error', drop);
    };
    const drop = (): void => {
      leave();
      socket.destroy();
    };
    let first = Buffer.alloc(0);
    const look = (): void => {
      const more = socket.read() as Buffer | null;
      if (more === null) return;
      first = Buffer.concat([first, more]);
      // Less than three bytes may become either.
      if (first.length < PREFACE.length && isPreface(first)) return;
      leave();
      socket.unshift(first);
      if (isPreface(first)) http2(socket);
      else for (const listener of http1) listener.call(server, socket);
    };
    const late = setTimeout(drop, timeoutMs);
    socket.on('readable', look);
    socket.on('close', leave);
    socket.on('error', drop);
  });
  return () => {
    for (const socket of undecided) socket.destroy();
  };
}

/** RFC 9113, section 3.4: `PRI * HTTP/2.0`; no method of HTTP/1.1 begins like this. */
const PREFACE = Buffer.from('PRI');

function isPreface(first: Buffer): boolean {
  const length = Math.min(first.length, PREFACE.length);
  return PREFACE.subarray(0, length).equals(first.subarray(0, length));
}

/**
 * For TLS: HTTP/2 is spoken here by gRPC alone, whose clients offer nothing else. Who offers both, as browsers and curl
 * do, gets HTTP/1.1.
 */
export function chooseProtocol({ protocols }: { readonly protocols: readonly string[] }): string | undefined {
  return protocols.includes('http/1.1') ? 'http/1.1' : protocols.find((protocol) => protocol === 'h2');
}
