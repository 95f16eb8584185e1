/** Certificates of the server, and of the authorities of its clients. */
import { readFileSync } from 'node:fs';
import { type SecureContextOptions, createSecureContext } from 'node:tls';
import type { FastifyBaseLogger } from 'fastify';
import { ConfigError } from '../config-error.ts';
import type { TlsConfig } from './config.ts';
import { chooseProtocol } from '../oip/split.ts';
import { followFiles } from './follow-file.ts';

interface Timeouts {
  readonly headersTimeout: number;
  readonly connectionsCheckingInterval: number;
}

/**
 * What Fastify needs for TLS, or nothing. Of a type that says nothing, as Fastify's is another one for each kind of server.
 *
 * @throws ConfigError where the files are no certificate with its key
 */
export function httpsOptions(config: TlsConfig | undefined, timeouts: Timeouts): object {
  if (config === undefined) return {};
  const https = {
    ...timeouts,
    ...read(config),
    minVersion: 'TLSv1.2',
    ALPNCallback: chooseProtocol,
    // A client that connects and says nothing.
    handshakeTimeout: timeouts.headersTimeout,
    // Asked for and not demanded: the kubelet has none and must reach the health checks. The guard demands it.
    ...(config.clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: false }),
  };
  return { https };
}

/**
 * Renewed certificates hold for connections from then on.
 *
 * @returns ends it
 */
export function followCertificates(
  server: { readonly setSecureContext: (options: SecureContextOptions) => void },
  config: TlsConfig,
  logger: FastifyBaseLogger,
  everyMs?: number,
): () => void {
  const changed = (): void => {
    try {
      server.setSecureContext({ ...read(config), minVersion: 'TLSv1.2' });
      logger.info('certificates read again');
    } catch (error) {
      // A new certificate whose key is not there yet; the key's change brings us here once more.
      const why = error instanceof ConfigError ? error.message : 'they cannot be read';
      logger.error({ why }, 'certificates could not be read again; those before stay');
    }
  };
  return followFiles(pathsOf(config), changed, everyMs);
}

function pathsOf({ cert, key, clientCa }: TlsConfig): string[] {
  return [cert, key, ...(clientCa === undefined ? [] : [clientCa])];
}

function read({ cert, key, clientCa }: TlsConfig): SecureContextOptions {
  const options = {
    cert: text('HILUM_TLS_CERT', cert),
    key: text('HILUM_TLS_KEY', key),
    ...(clientCa === undefined ? {} : { ca: text('HILUM_TLS_CLIENT_CA', clientCa) }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'not PEM';
    throw new ConfigError(`HILUM_TLS_CERT: certificate, key and client CA do not make TLS (${why})`);
  }
  return options;
}

function text(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'not readable';
    throw new ConfigError(`${variable}: ${code}`);
  }
}
