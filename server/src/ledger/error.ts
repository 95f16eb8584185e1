/** The ledger cannot be written or cannot be trusted: the server does not start, or a command says so and ends. */
export type LedgerErrorCode = keyof typeof EXIT;

const EXIT = {
  /** Another server writes into this folder. */
  LEDGER_LOCKED: 69,
  /** The folder cannot be made, read or written. */
  LEDGER_UNUSABLE: 69,
  /** Lines were changed or taken away: nothing is added to it before somebody has looked. */
  LEDGER_DAMAGED: 65,
} as const;

export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code: LedgerErrorCode;
  readonly exitCode: number;

  constructor(code: LedgerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.exitCode = EXIT[code];
  }
}
