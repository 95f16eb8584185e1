/** Who is let in, by whatever protocol: open, or by an API key, a token or a certificate. */
import type { FastifyBaseLogger } from 'fastify';
import { ServerError } from '../errors.ts';
import type { AccessConfig } from './config.ts';
import { KEY_PREFIX } from './key.ts';
import { type KeyFile, openKeyFile } from './key-file.ts';
import { createLimiter } from './limiter.ts';
import { type Caller, ROLES, type Role, mayDo } from './role.ts';
import { type TokenCheck, createTokenCheck } from './token.ts';

/** Headers of a request or metadata of a call, names in lower case. */
type AccessHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the connection tells. */
export interface Peer {
  readonly address?: string | undefined;
  /** Of a client certificate that the TLS layer has verified. */
  readonly commonName?: string | undefined;
}

export interface Access {
  /**
   * Lets a request in, and counts it. `authorization: Bearer …` or `x-api-key` say who asks, or the certificate.
   *
   * @throws ServerError UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED (with the seconds to wait), ISSUER_UNREACHABLE
   */
  readonly authorise: (headers: AccessHeaders, role: Role, peer: Peer) => Promise<Caller>;
  readonly close: () => void;
}

export interface AccessOptions extends AccessConfig {
  readonly logger: FastifyBaseLogger;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The wall clock. */
  readonly date: () => Date;
  /** How often the file of keys is looked at; default 2 s. */
  readonly followMs?: number | undefined;
}

/** @throws ConfigError where the file of keys cannot be read */
export function createAccess(options: AccessOptions): Access {
  const { oidc, keysFile, logger, date } = options;
  const keys = keysFile === undefined ? undefined : openKeyFile(keysFile, logger, options.followMs);
  const tokens = oidc === undefined ? undefined : createTokenCheck({ ...oidc, date });
  const limiter = createLimiter(options.now);
  const isOpen = keys === undefined && tokens === undefined && !options.certificates;

  const identify = async (headers: AccessHeaders, { commonName }: Peer): Promise<Caller | undefined> => {
    if (isOpen) return ANYBODY;
    const shown = shownBy(headers);
    // What was shown decides, also where it is wrong: a certificate does not excuse a withdrawn key.
    if (shown !== undefined) return callerOf(shown, { keys, tokens, date });
    if (!options.certificates || commonName === undefined) return undefined;
    return { name: commonName, via: 'certificate', roles: new Set(['predict']) };
  };

  return {
    authorise: async (headers, role, peer) => {
      const caller = await identify(headers, peer);
      if (caller === undefined) throw new ServerError('UNAUTHENTICATED');
      if (!mayDo(caller, role)) throw new ServerError('FORBIDDEN');
      const limit = caller.rateLimit ?? options.rateLimit;
      if (limit === undefined || role === 'admin') return caller;
      const who = caller.via === 'open' ? networkOf(peer.address) : `${caller.via} ${caller.name}`;
      const waitMs = limiter.take(who, limit);
      if (waitMs === 0) return caller;
      throw new ServerError('RATE_LIMITED', undefined, { retryAfterSeconds: Math.ceil(waitMs / 1000) });
    },
    close: () => keys?.close(),
  };
}

const ANYBODY: Caller = { name: 'anonymous', via: 'open', roles: new Set(ROLES) };

/** @returns '' where something was shown that can be no credential */
function shownBy(headers: AccessHeaders): string | undefined {
  const { authorization, 'x-api-key': key } = headers;
  if (authorization === undefined && key === undefined) return undefined;
  if (authorization !== undefined && key !== undefined) return '';
  if (typeof key === 'string') return key.startsWith(KEY_PREFIX) ? key : '';
  const bearer = typeof authorization === 'string' ? /^bearer +([^ ]+) *$/i.exec(authorization) : null;
  return bearer?.[1] ?? '';
}

interface Means {
  readonly keys: KeyFile | undefined;
  readonly tokens: TokenCheck | undefined;
  readonly date: () => Date;
}

async function callerOf(shown: string, { keys, tokens, date }: Means): Promise<Caller | undefined> {
  if (shown.startsWith(KEY_PREFIX)) return keys?.ring().find(shown, date());
  return shown === '' ? undefined : tokens?.check(shown);
}

/** One home has one IPv4 address, but all of an IPv6 network of 64 bits. */
function networkOf(address = ''): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (!plain.includes(':')) return plain;
  const [front = [], back = []] = plain
    .split('::')
    .map((half) => half.split(':').filter((part) => part !== ''));
  const gap = Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  return [...front, ...gap, ...back].slice(0, 4).join(':');
}
