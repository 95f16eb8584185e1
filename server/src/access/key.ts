/** API keys: what a client is given, and what of it the server keeps. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { ROLES, type Caller, type RateLimit, type Role } from './role.ts';

/** What every key begins with, so that scanners of leaked secrets, and we, can tell one. */
export const KEY_PREFIX = 'hk_';

// 256 random bits cannot be found by trying, so the hash needs no salt and must not be slow: one round of SHA-256 costs
// a microsecond where bcrypt or argon2, made for passwords that people choose, would let anybody keep a core busy.
const KEY_BYTES = 32;

export interface NewKey {
  /** Shown once; nothing of it is kept. */
  readonly key: string;
  /** One line of the file of keys. */
  readonly line: string;
}

export interface KeyOptions {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly rateLimit?: RateLimit;
  /** ISO 8601. */
  readonly expires?: string;
}

/** @throws z.ZodError for a name, roles or a limit that the file of keys may not hold */
export function newApiKey(options: KeyOptions): NewKey {
  const key = `${KEY_PREFIX}${randomBytes(KEY_BYTES).toString('base64url')}`;
  const hash = `sha256:${digestOf(key).toString('hex')}`;
  return { key, line: JSON.stringify(keySchema.parse({ ...options, hash })) };
}

/** The keys that a server knows. */
export interface KeyRing {
  readonly size: number;
  /** @param at now, for keys that expire */
  readonly find: (presented: string, at: Date) => Caller | undefined;
}

/** A server compares a key with all of them, so that the time it takes tells nothing; more would be felt. */
const MOST_KEYS = 1_000;

/**
 * @param text one JSON object a line (`hilum key new` prints them), or one JSON array of such; blank lines and lines
 *   that begin with # are left out
 * @throws KeysError that names the line, and nothing of what stands in it
 */
export function parseKeys(text: string): KeyRing {
  // So does one look that is being written at this moment; nobody's key ends by that. A comment alone says "nobody".
  if (text.trim() === '') throw new KeysError('the file is empty');
  const entries = linesOf(text).map(([where, value]) => {
    const parsed = keySchema.safeParse(value());
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new KeysError(`${where}: ${issue?.path.join('.') || 'it'} ${issue?.message ?? 'is wrong'}`);
  });
  if (entries.length > MOST_KEYS) throw new KeysError(`more than ${MOST_KEYS} keys`);
  const names = new Set(entries.map(({ name }) => name));
  if (names.size < entries.length) throw new KeysError('two keys have the same name');
  const keys = entries.map(({ name, hash, roles, rateLimit, expires }) => {
    const caller: Caller = {
      name,
      via: 'key',
      roles: new Set(roles),
      ...(rateLimit === undefined ? {} : { rateLimit }),
    };
    return { caller, digest: Buffer.from(hash.slice('sha256:'.length), 'hex'), expires };
  });
  return {
    size: keys.length,
    find: (presented, at) => {
      const digest = digestOf(presented);
      let found: (typeof keys)[number] | undefined;
      for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key;
      if (found?.expires !== undefined && Date.parse(found.expires) <= at.getTime()) return undefined;
      return found?.caller;
    },
  };
}

/** The file of keys is not one. */
export class KeysError extends Error {
  override readonly name = 'KeysError';
}

const keySchema = z.strictObject({
  // It goes to logs and into the ledger.
  name: z.string().regex(/^[\w.@-]{1,64}$/, 'is up to 64 letters, digits and . _ @ -'),
  hash: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is sha256: and 64 hex digits, never the key itself'),
  roles: z.array(z.enum(ROLES)).min(1),
  rateLimit: z
    .strictObject({
      perMinute: z.int().min(1).max(1_000_000),
      burst: z.int().min(1).max(1_000_000).exactOptional(),
    })
    .exactOptional(),
  expires: z.iso.datetime({ offset: true }).exactOptional(),
});

function linesOf(text: string): (readonly [where: string, value: () => unknown])[] {
  if (text.trimStart().startsWith('[')) {
    const all = z.array(z.unknown()).safeParse(jsonOf(text, 'the file'));
    return (all.data ?? []).map((value, index) => [`key ${index + 1}`, () => value]);
  }
  return text
    .split('\n')
    .map((line, index) => [`line ${index + 1}`, line.trim()] as const)
    .filter(([, line]) => line !== '' && !line.startsWith('#'))
    .map(([where, line]) => [where, () => jsonOf(line, where)]);
}

function jsonOf(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not as its cause: what JSON.parse says quotes the text.
    throw new KeysError(`${where} is not JSON`);
  }
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}
