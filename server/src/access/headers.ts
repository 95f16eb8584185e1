/** What browsers are told about every answer. */
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

export interface HeaderOptions {
  readonly corsOrigins: readonly string[];
  /** The connection is TLS of our own. */
  readonly tls: boolean;
}

// The pages load what this server sends and nothing else, run no script that stands in the page itself, and are in
// nobody's frame. Images that were dropped on the page are shown from `blob:` and heat maps from `data:`.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

const YEAR_SECONDS = 31_536_000;

/** Before the guard: a browser's preflight carries no credentials. */
export async function addHeaders(app: FastifyInstance, { corsOrigins, tls }: HeaderOptions): Promise<void> {
  app.addHook('onSend', async (_request, reply) => {
    for (const [name, value] of Object.entries(HEADERS)) {
      // A page that needs another policy has set it.
      if (!reply.hasHeader(name)) reply.header(name, value);
    }
    if (!reply.hasHeader('cross-origin-resource-policy')) {
      reply.header('cross-origin-resource-policy', corsOrigins.length === 0 ? 'same-origin' : 'cross-origin');
    }
    if (tls) reply.header('strict-transport-security', `max-age=${YEAR_SECONDS}`);
  });
  if (corsOrigins.length === 0) return;
  await app.register(cors, {
    origin: [...corsOrigins],
    methods: ['GET', 'POST'],
    exposedHeaders: ['retry-after', 'inference-header-content-length'],
    maxAge: 600,
    hideOptionsRoute: true,
  });
}
