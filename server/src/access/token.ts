/** Tokens of an OpenID Connect issuer: JWTs, checked against the keys that it publishes. */
import { type JWTPayload, type JWTVerifyGetKey, createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { ServerError } from '../errors.ts';
import { ROLES, type Caller, type Role } from './role.ts';

export interface OidcConfig {
  /** As it stands in the tokens' `iss`; `/.well-known/openid-configuration` below it names its keys. */
  readonly issuer: string;
  /** What must stand in `aud`. */
  readonly audience: string;
  /** A claim, or a path of claims with dots (`realm_access.roles`); a list of texts, or one text with spaces. */
  readonly rolesClaim: string;
  /** What our roles begin with there: an issuer's own `admin` is not an admin of this server. */
  readonly rolePrefix: string;
  /** Between two questions for keys that are not known yet; default 30 s. */
  readonly cooldownMs?: number;
}

interface TokenOptions extends OidcConfig {
  /** The wall clock. */
  readonly date: () => Date;
}

export interface TokenCheck {
  /** @throws ServerError ISSUER_UNREACHABLE. @returns undefined for a token that is not valid here and now */
  readonly check: (token: string) => Promise<Caller | undefined>;
}

// Signatures by a private key only. HS* would make the public key a secret, and `none` is none.
const ALGORITHMS = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
]; // prettier-ignore
const CLOCK_SKEW_SECONDS = 30;
const TIMEOUT_MS = 5_000;
/** Keys are asked for again at an unknown key id, and anyway when they are this old: a withdrawn key ends then. */
const KEYS_MAX_AGE_MS = 10 * 60_000;
const LONGEST_TOKEN = 16_384;

export function createTokenCheck(options: TokenOptions): TokenCheck {
  const { issuer, audience, rolesClaim, rolePrefix, date } = options;
  let keys: Promise<JWTVerifyGetKey> | undefined;

  /** Found out once; a failure is not remembered. */
  const keysOf = (): Promise<JWTVerifyGetKey> => {
    keys ??= discover(issuer).then((url) =>
      createRemoteJWKSet(url, {
        timeoutDuration: TIMEOUT_MS,
        cacheMaxAge: KEYS_MAX_AGE_MS,
        cooldownDuration: options.cooldownMs ?? 30_000,
      }),
    );
    return keys.catch((error: unknown) => {
      keys = undefined;
      throw error;
    });
  };

  return {
    check: async (token) => {
      if (token.length > LONGEST_TOKEN) return undefined;
      const getKey = await keysOf().catch((cause: unknown) => {
        throw new ServerError('ISSUER_UNREACHABLE', undefined, { cause, retryAfterSeconds: 5 });
      });
      try {
        const { payload } = await jwtVerify(token, getKey, {
          issuer,
          audience,
          algorithms: ALGORITHMS,
          clockTolerance: CLOCK_SKEW_SECONDS,
          requiredClaims: ['exp', 'sub'],
          currentDate: date(),
        });
        return { name: nameOf(payload), via: 'token', roles: rolesOf(payload, rolesClaim, rolePrefix) };
      } catch (cause) {
        if (isOfToken(cause)) return undefined;
        throw new ServerError('ISSUER_UNREACHABLE', undefined, { cause, retryAfterSeconds: 5 });
      }
    },
  };
}

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

/** OpenID Connect Discovery 1.0, section 4. */
async function discover(issuer: string): Promise<URL> {
  const answer = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`the issuer answers ${answer.status}`);
  const { issuer: itself, jwks_uri: keys } = discoverySchema.parse(await answer.json());
  if (itself !== issuer) throw new Error('the issuer calls itself by another name');
  const url = new URL(keys);
  if (url.protocol === 'http:' && new URL(issuer).protocol === 'https:') {
    throw new Error('the keys of the issuer are not behind TLS');
  }
  return url;
}

/** What is wrong with the token, and not with the way to its issuer. */
function isOfToken(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return false;
  // The code by which jose tells an answer of the issuer other than 200.
  return error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC';
}

/** Opaque at most issuers; it goes to logs and into the ledger, so it is kept short and on one line. */
function nameOf({ sub = '' }: JWTPayload): string {
  return sub.replaceAll(/[^\w.@:|/-]/g, '_').slice(0, 64);
}

function rolesOf(payload: JWTPayload, claim: string, prefix: string): ReadonlySet<Role> {
  const value = claim in payload ? payload[claim] : within(payload, claim.split('.'));
  const texts: readonly unknown[] =
    typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  return new Set(ROLES.filter((role) => texts.includes(prefix + role)));
}

function within(value: unknown, path: readonly string[]): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, step);
  return isObject ? within((value as Record<string, unknown>)[step], rest) : undefined;
}
