/** The check of every HTTP request, before a byte of its body is read. */
import { TLSSocket } from 'node:tls';
import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify';
import { ServerError } from '../errors.ts';
import type { Access, Peer } from './access.ts';
import type { Caller, Role } from './role.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller must be allowed to do here, or `open` for everybody; default as `roleOf` says by the address. */
    readonly role?: Role | 'open';
  }
  interface FastifyRequest {
    /** Whoever was let in; null where the route is open to everybody. */
    caller: Caller | null;
  }
}

export interface GuardOptions {
  readonly access: Access;
  /** Who may read the metrics. */
  readonly metrics: 'open' | 'admin';
  /** Adds to the line of the request in the log. */
  readonly noteFacts: (request: FastifyRequest, facts: { readonly caller: string }) => void;
}

/** Every route that does not say otherwise asks for a caller, so that a new one is closed, not open, by mistake. */
export function guardRoutes(app: FastifyInstance, { access, metrics, noteFacts }: GuardOptions): void {
  app.decorateRequest('caller', null);
  app.addHook('onRequest', async (request, reply) => {
    const role = roleOf(request.routeOptions, metrics);
    if (role === 'open') return;
    try {
      const { raw, headers } = request;
      const caller = await access.authorise(headers, role, peerOf(raw.socket));
      // It left while its issuer was asked for keys. Its connection has told of its end already, so whatever the route
      // took for it from here on would be given back to nobody.
      if (raw.socket.destroyed) throw new ServerError('CLIENT_GONE');
      request.caller = caller;
      if (caller.via !== 'open') noteFacts(request, { caller: caller.name });
    } catch (error) {
      if (error instanceof ServerError && error.code === 'UNAUTHENTICATED') {
        reply.header('www-authenticate', challenge(request));
      }
      throw error;
    }
  });
}

/** What the connection tells of the other side. */
export function peerOf(socket: FastifyRequest['raw']['socket']): Peer {
  const address = socket.remoteAddress;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return { address };
  const { subject } = socket.getPeerCertificate();
  const name: unknown = subject?.CN;
  // Several common names would leave open which one asks.
  return typeof name === 'string'
    ? { address, commonName: name.replaceAll(/[^\w.@-]/g, '_').slice(0, 64) }
    : { address };
}

/** Health, which says no more than up or down and why, and pages that hold nothing of anybody. */
const OPEN = new Set(['/', '/openapi.json', '/ping', '/health', '/version']);
const OPEN_BELOW = ['/docs', '/v2/health/', '/page/'];

/** What a caller must be allowed to do at an address. */
export function roleOf(
  { url, config }: { readonly url?: string | undefined; readonly config?: FastifyContextConfig | undefined },
  metrics: 'open' | 'admin',
): Role | 'open' {
  // Nothing is there: the answer is 404 for everybody.
  if (url === undefined) return 'open';
  if (config?.role !== undefined) return config.role;
  if (url === '/metrics') return metrics;
  if (OPEN.has(url) || OPEN_BELOW.some((path) => url.startsWith(path))) return 'open';
  return url.startsWith('/v1/explain') ? 'explain' : 'predict';
}

/** RFC 6750, section 3: why, only where something was shown. */
function challenge({ headers }: FastifyRequest): string {
  const realm = 'Bearer realm="hilum"';
  return headers.authorization === undefined ? realm : `${realm}, error="invalid_token"`;
}
