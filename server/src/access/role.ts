/** Who may do what. */

/** `predict`: answers of the model; `explain`: heat maps; `admin`: both, and what is said of the server itself. */
export const ROLES = ['predict', 'explain', 'admin'] as const;

export type Role = (typeof ROLES)[number];

export interface RateLimit {
  readonly perMinute: number;
  /** Requests that may come at once; default a sixth of `perMinute`, at least 1. */
  readonly burst?: number;
}

/** Whoever sent a request that was let in. */
export interface Caller {
  /** Of the key, the token's subject or the certificate's common name; `anonymous` where access is open. */
  readonly name: string;
  readonly via: 'open' | 'key' | 'token' | 'certificate';
  readonly roles: ReadonlySet<Role>;
  /** Its own; otherwise that of the server holds. */
  readonly rateLimit?: RateLimit;
}

export function mayDo({ roles }: Caller, role: Role): boolean {
  return roles.has(role) || roles.has('admin');
}
