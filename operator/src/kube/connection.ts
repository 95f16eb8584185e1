/**
 * Sockets and credentials for one API server.
 *
 * `@kubernetes/client-node` reads the kubeconfig and obtains credentials (service-account token, exec plugin, OIDC,
 * certificates). It would also open a new pool per call (2.0.1), so the sockets are ours: one pool for calls, and one
 * socket per stream beside it, so that watches cannot starve calls.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import type { Clock } from './clock.ts';
import { ApiError } from './errors.ts';

/** Credentials and sockets for the next call. */
interface Session {
  readonly headers: Readonly<Record<string, string>>;
  /** A bounded pool. */
  readonly calls: Dispatcher;
  /** Unbounded: a socket per open stream. */
  readonly streams: Dispatcher;
}

export interface Connection {
  readonly baseUrl: URL;
  session(): Promise<Session>;
  /** The server refused the credentials: obtain them again for the next call. */
  refused(): void;
  /** Ends every socket, in use or not. */
  close(): Promise<void>;
}

// client-node re-reads a token file when its copy is 60 s old; with ours a rotated token is in use after 90 s at most,
// and the kubelet rotates tokens when 20 % of their life (>= 2 minutes) is left.
const CREDENTIALS_MS = 30_000;
// Enough for slow calls not to block the others; idle ones close. Quiet operators hold one or two.
const CALL_SOCKETS = 8;

export function createConnection(kubeConfig: KubeConfig, clock: Clock): Connection {
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) {
    throw new ApiError({
      status: 0,
      reason: 'NoCluster',
      message: 'the kubeconfig names no current cluster',
    });
  }
  let current: Promise<Session & { readonly tls: string }> | undefined;
  let obtainedAt = 0;

  async function obtain(previous: typeof current): Promise<Session & { readonly tls: string }> {
    const options: RequestOptions = {};
    await kubeConfig.applyToHTTPSOptions(options);
    const headers = headersOf(options);
    const { ca, cert, key, rejectUnauthorized, servername } = options;
    const tls = JSON.stringify([ca, cert, key, rejectUnauthorized, servername].map(String));
    const before = await previous?.catch(() => undefined);
    if (before?.tls === tls) return { ...before, headers };
    // Certificates changed: new sockets now, the old ones end when their calls and watches do.
    void before?.calls.close();
    void before?.streams.close();
    const how = kubeConfig.createDispatcherOptions(cluster, {
      ca,
      cert,
      key,
      rejectUnauthorized,
      servername,
    });
    return { headers, tls, calls: dispatcherFor(how, CALL_SOCKETS), streams: dispatcherFor(how, null) };
  }

  return {
    baseUrl: new URL(cluster.server.replace(/\/+$/, '')),
    session: async () => {
      if (current === undefined || clock.elapsed() - obtainedAt >= CREDENTIALS_MS) {
        obtainedAt = clock.elapsed();
        current = obtain(current);
        // A plugin that failed is asked again by the next call, not after the full period.
        current.catch(() => {
          obtainedAt = Number.NEGATIVE_INFINITY;
        });
      }
      return current;
    },
    refused: () => {
      obtainedAt = Number.NEGATIVE_INFINITY;
    },
    close: async () => {
      const session = await current?.catch(() => undefined);
      await Promise.all([session?.calls.destroy(), session?.streams.destroy()]);
    },
  };
}

type Recipe = ReturnType<KubeConfig['createDispatcherOptions']>;

function dispatcherFor(how: Recipe, connections: number | null): Dispatcher {
  // HTTP/2 off: one wedged h2 session would hold every call and watch at once.
  const common = { allowH2: false, connections, keepAliveTimeout: 30_000, pipelining: 1 };
  const tcp = { keepAlive: true, keepAliveInitialDelay: 30_000, timeout: 10_000, allowH2: false };
  switch (how.type) {
    case 'agent':
      return new Agent({ ...common, connect: { ...how.connect, ...tcp } });
    case 'none':
      return new Agent({ ...common, connect: tcp });
    case 'proxy':
      return new ProxyAgent({ ...common, uri: how.uri, requestTls: { ...how.requestTls, ...tcp } });
    default:
      throw new ApiError({ status: 0, reason: 'Unsupported', message: 'SOCKS proxies are not supported' });
  }
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value);
  if (typeof options.auth === 'string') {
    headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}
