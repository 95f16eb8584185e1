/** How a registry lets us in: it is asked, and says whether it wants a password or a token of its token service. */
import { z } from 'zod';
import { StoreError } from '../errors.ts';
import type { OciCredentials } from './credentials.ts';

export interface AuthOptions {
  /** `http(s)://host[:port]` */
  readonly origin: string;
  readonly repository: string;
  readonly actions: 'pull' | 'pull,push';
  readonly credentials: () => Promise<OciCredentials | undefined>;
  readonly fetch: typeof fetch;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

const TIMEOUT_MS = 15_000;
/** What a token holds for where its service does not say (distribution's token specification). */
const TOKEN_SECONDS = 60;
const MARGIN_MS = 10_000;

/** @returns the header `authorization`, or nothing where the registry is open */
export function ociAuthorization(options: AuthOptions): () => Promise<string | undefined> {
  const { origin, now } = options;
  let challenge: Promise<Challenge | undefined> | undefined;
  let token: { readonly value: string; readonly endsAt: number } | undefined;

  return async () => {
    challenge ??= ask(options);
    const want = await challenge.catch((error: unknown) => {
      challenge = undefined;
      throw error;
    });
    if (want === undefined) return undefined;
    const credentials = await options.credentials();
    if (want.scheme === 'basic') {
      if (credentials !== undefined) return basic(credentials);
      throw new StoreError('STORE_REFUSED', `${origin} wants a user and password, and none are given`);
    }
    if (token === undefined || token.endsAt - MARGIN_MS <= now()) {
      token = await fetchToken(want, credentials, options);
    }
    return `Bearer ${token.value}`;
  };
}

interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  readonly realm: string;
  readonly service: string | undefined;
}

async function ask({ origin, fetch: call }: AuthOptions): Promise<Challenge | undefined> {
  const answer = await reach(call, `${origin}/v2/`, {}, origin);
  await answer.body?.cancel();
  if (answer.status !== 401) return undefined;
  const header = answer.headers.get('www-authenticate') ?? '';
  const scheme = /^(basic|bearer)\b/i.exec(header)?.[1]?.toLowerCase();
  if (scheme === 'basic') return { scheme, realm: '', service: undefined };
  const realm = /\brealm="([^"]+)"/i.exec(header)?.[1];
  if (scheme !== 'bearer' || realm === undefined || !isSafe(realm, origin)) {
    throw new StoreError('STORE_UNSUPPORTED', `${origin} asks for a kind of credentials that we do not have`);
  }
  return { scheme, realm, service: /\bservice="([^"]+)"/i.exec(header)?.[1] };
}

/** The password goes there: never in the clear, unless the registry itself is spoken to so. */
function isSafe(realm: string, origin: string): boolean {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && origin.startsWith('http:'));
}

const tokenSchema = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().optional(),
});

async function fetchToken(
  { realm, service }: Challenge,
  credentials: OciCredentials | undefined,
  { origin, repository, actions, fetch: call, now }: AuthOptions,
): Promise<{ readonly value: string; readonly endsAt: number }> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', `repository:${repository}:${actions}`);
  const headers: Record<string, string> =
    credentials === undefined ? {} : { authorization: basic(credentials) };
  const answer = await reach(call, url.href, headers, origin);
  if (answer.status === 401 || answer.status === 403) {
    await answer.body?.cancel();
    const who = credentials === undefined ? 'without credentials' : `as ${credentials.username}`;
    throw new StoreError(
      'STORE_REFUSED',
      `the token service of ${origin} gives ${repository} no token ${who}`,
    );
  }
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new StoreError('STORE_UNREACHABLE', `the token service of ${origin} answers ${answer.status}`);
  }
  const parsed = tokenSchema.safeParse(await answer.json().catch(() => undefined));
  const value = parsed.data?.token ?? parsed.data?.access_token;
  if (value === undefined) {
    throw new StoreError('STORE_UNSUPPORTED', `the token service of ${origin} answers without a token`);
  }
  return { value, endsAt: now() + (parsed.data?.expires_in ?? TOKEN_SECONDS) * 1000 };
}

async function reach(
  call: typeof fetch,
  url: string,
  headers: Record<string, string>,
  origin: string,
): Promise<Response> {
  try {
    return await call(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (cause) {
    throw new StoreError('STORE_UNREACHABLE', `${origin} does not answer`, { cause });
  }
}

function basic({ username, password }: OciCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
