/** What goes wrong between us and a store, by code. */

export const STORE_CODES = {
  STORE_UNREACHABLE: 'the store does not answer, or broke off',
  STORE_REFUSED: 'the store refuses the credentials, or has none of ours',
  STORE_UNSUPPORTED: 'the address is none, or the store asks for what we do not do',
  STORE_CREDENTIALS: 'there are no credentials, or they cannot be read',
  STORE_MALFORMED: 'what the store or a file of settings holds cannot be read',
  STORE_MISSING: 'the store has no such object',
} as const;

export type StoreCode = keyof typeof STORE_CODES;

/** `code` is stable and meant for comparison; the message is for people and holds no credential. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreCode;

  constructor(code: StoreCode, message?: string, options?: ErrorOptions) {
    super(message ?? STORE_CODES[code], options);
    this.code = code;
  }
}
