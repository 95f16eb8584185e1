/** Errors of the file system, named by what to do about them. */
import { TrainerError } from '../errors.ts';

/** @param where whose disk it is, for the message */
export function diskError(cause: unknown, where: string): unknown {
  const code = errnoOf(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TrainerError(
      'DISK_FULL',
      `no space is left in ${where} (${code}); what is there is kept, so that a larger volume goes on from it`,
      { cause },
    );
  }
  return cause;
}

/** `ENOENT` and the like, of errors that have one. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
