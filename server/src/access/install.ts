/** All of access in one application: headers, the guard, and the files that are followed. */
import type { FastifyInstance } from 'fastify';
import { type Access, createAccess } from './access.ts';
import type { AccessConfig, TlsConfig, WebConfig } from './config.ts';
import { type GuardOptions, guardRoutes } from './guard.ts';
import { addHeaders } from './headers.ts';
import { followCertificates } from './tls.ts';

export interface AccessParts {
  /** Who may ask; default anybody. */
  readonly access?: AccessConfig | undefined;
  readonly tls?: TlsConfig | undefined;
  readonly web?: WebConfig | undefined;
  /** How often files of keys and certificates are looked at; default 2 s. */
  readonly followMs?: number;
  /** The wall clock. */
  readonly date?: () => Date;
}

interface InstallOptions extends AccessParts, Pick<GuardOptions, 'noteFacts'> {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly date: () => Date;
}

/**
 * Before any route and page is registered.
 *
 * @throws ConfigError where a file of the settings cannot be read
 */
export async function installAccess(app: FastifyInstance, options: InstallOptions): Promise<Access> {
  const { tls, followMs, now, date, noteFacts } = options;
  const web = options.web ?? { corsOrigins: [], metrics: 'open' };
  const logger = app.log;
  const access = createAccess({
    ...(options.access ?? { certificates: false }),
    followMs,
    logger,
    now,
    date,
  });
  app.addHook('onClose', async () => access.close());
  await addHeaders(app, { corsOrigins: web.corsOrigins, tls: tls !== undefined });
  guardRoutes(app, { access, metrics: web.metrics, noteFacts });
  if (tls !== undefined) {
    // The server is one of TLS, which Fastify's type of it does not tell.
    const server = app.server as unknown as Parameters<typeof followCertificates>[0];
    const close = followCertificates(server, tls, logger, followMs);
    app.addHook('onClose', async () => close());
  }
  return access;
}
