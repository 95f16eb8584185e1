import type { Problem } from '@hilum/wire';

/** Codes of the client's own, beside those of the server (docs/errors.md). */
export const CLIENT_CODES = {
  UNREACHABLE: 'The server does not answer at all.',
  TIMEOUT: 'No answer came within the time that the caller gave.',
  NOT_HILUM: 'What answered is no Hilum server, or one of another version.',
} as const;

/** A request without an answer. Compare by `code`. */
export class HilumError extends Error {
  override readonly name = 'HilumError';
  readonly code: string;
  /** Of HTTP; absent where nothing answered. */
  readonly status: number | undefined;
  /** By which whoever runs the server finds the request in its log. */
  readonly requestId: string | undefined;
  /** The request was well, and its image or series is not one that this model is for: a result, not a fault. */
  readonly refused: boolean;

  constructor(
    code: string,
    message: string,
    facts: ErrorOptions & {
      readonly status?: number;
      readonly problem?: Pick<Problem, 'requestId' | 'outcome'>;
    } = {},
  ) {
    super(message, facts);
    this.code = code;
    this.status = facts.status;
    this.requestId = facts.problem?.requestId;
    this.refused = facts.problem?.outcome === 'refused';
  }
}
