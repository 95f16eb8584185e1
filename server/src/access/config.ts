/** The settings of access, of the one table in ../config.ts. */
import { z } from 'zod';
import { ConfigError } from '../config-error.ts';
import type { RateLimit } from './role.ts';
import type { OidcConfig } from './token.ts';

export interface AccessConfig {
  /** Of API keys; read again when it changes. */
  readonly keysFile?: string;
  readonly oidc?: OidcConfig;
  /** A verified client certificate is a caller. */
  readonly certificates: boolean;
  /** Of each caller that has none of its own; of each address where access is open. */
  readonly rateLimit?: RateLimit;
}

export interface TlsConfig {
  /** PEM files; read again when they change. */
  readonly cert: string;
  readonly key: string;
  /** Client certificates of these authorities are callers. */
  readonly clientCa?: string;
}

/** What the HTTP side lets browsers do, and who may read the metrics. */
export interface WebConfig {
  /** `https://host`, from which a page may call. */
  readonly corsOrigins: readonly string[];
  readonly metrics: 'open' | 'admin';
}

const path = z.string().min(1).optional();
const perMinute = 'requests a minute, from 1 to 1000000';

export const accessVariables = {
  HILUM_ACCESS: z.literal('open', 'open, or left out').optional(),
  HILUM_API_KEYS_FILE: path,
  HILUM_OIDC_ISSUER: z
    .url({ protocol: /^https?$/ })
    .refine(isSafeIssuer, 'https://…, or http:// on this machine')
    .optional(),
  HILUM_OIDC_AUDIENCE: z.string().min(1).optional(),
  HILUM_OIDC_ROLES_CLAIM: z.string().min(1).default('roles'),
  HILUM_OIDC_ROLE_PREFIX: z.string().default('hilum:'),
  HILUM_RATE_LIMIT: z.coerce
    .number(perMinute)
    .int(perMinute)
    .min(1, perMinute)
    .max(1_000_000, perMinute)
    .optional(),
  HILUM_METRICS_ACCESS: z.enum(['open', 'admin']).default('open'),
  HILUM_CORS_ORIGINS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ''),
    )
    .refine(
      (origins) => origins.every(isOrigin),
      'origins such as https://viewer.example, with commas between them',
    ),
  HILUM_TLS_CERT: path,
  HILUM_TLS_KEY: path,
  HILUM_TLS_CLIENT_CA: path,
};

type Variables = z.infer<z.ZodObject<typeof accessVariables>>;

/** @throws ConfigError where the settings leave the door open without saying so, or contradict each other */
export function accessOf(
  e: Variables,
  host: string,
): { access: AccessConfig; tls?: TlsConfig; web: WebConfig } {
  const oidc = oidcOf(e);
  const tls = tlsOf(e);
  const certificates = tls?.clientCa !== undefined;
  const asks = e.HILUM_API_KEYS_FILE !== undefined || oidc !== undefined || certificates;
  if (e.HILUM_ACCESS === 'open' && asks) {
    throw new ConfigError(
      'HILUM_ACCESS: it says open, but keys, an issuer or a client CA are given: leave one out',
    );
  }
  if (e.HILUM_ACCESS !== 'open' && !asks && !isLoopback(host)) {
    throw new ConfigError(
      `HILUM_HOST: ${host} is reached from other machines, and nothing says who may ask. Name the keys in HILUM_API_KEYS_FILE, an issuer in HILUM_OIDC_ISSUER or a client CA in HILUM_TLS_CLIENT_CA; or listen on 127.0.0.1; or, where the network itself keeps others out, set HILUM_ACCESS=open`,
    );
  }
  return {
    access: {
      ...(e.HILUM_API_KEYS_FILE === undefined ? {} : { keysFile: e.HILUM_API_KEYS_FILE }),
      ...(oidc === undefined ? {} : { oidc }),
      certificates,
      ...(e.HILUM_RATE_LIMIT === undefined ? {} : { rateLimit: { perMinute: e.HILUM_RATE_LIMIT } }),
    },
    ...(tls === undefined ? {} : { tls }),
    web: { corsOrigins: e.HILUM_CORS_ORIGINS, metrics: e.HILUM_METRICS_ACCESS },
  };
}

function oidcOf(e: Variables): OidcConfig | undefined {
  const { HILUM_OIDC_ISSUER: issuer, HILUM_OIDC_AUDIENCE: audience } = e;
  if (issuer === undefined && audience === undefined) return undefined;
  if (issuer === undefined)
    throw new ConfigError('HILUM_OIDC_ISSUER: an audience needs the issuer of its tokens');
  if (audience === undefined) {
    // Without it a token that the issuer made for any other service would open this one.
    throw new ConfigError(
      'HILUM_OIDC_AUDIENCE: an issuer makes tokens for many services; name the audience of this one',
    );
  }
  return { issuer, audience, rolesClaim: e.HILUM_OIDC_ROLES_CLAIM, rolePrefix: e.HILUM_OIDC_ROLE_PREFIX };
}

function tlsOf(e: Variables): TlsConfig | undefined {
  const { HILUM_TLS_CERT: cert, HILUM_TLS_KEY: key, HILUM_TLS_CLIENT_CA: clientCa } = e;
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined;
  if (cert === undefined) throw new ConfigError('HILUM_TLS_CERT: TLS needs a certificate and its key');
  if (key === undefined) throw new ConfigError('HILUM_TLS_KEY: TLS needs a certificate and its key');
  return { cert, key, ...(clientCa === undefined ? {} : { clientCa }) };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whoever can change the issuer's keys on their way can make tokens. */
function isSafeIssuer(issuer: string): boolean {
  const { protocol, hostname } = new URL(issuer);
  return protocol === 'https:' || isLoopback(hostname.replace(/^\[|\]$/g, ''));
}

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
