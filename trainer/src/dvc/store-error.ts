/** The words of the room store in those of a training run. */
import { StoreError, type StoreCode } from '@hilum/store';
import { TrainerError, type TrainerCode } from '../errors.ts';

const CODES: Readonly<Record<StoreCode, TrainerCode>> = {
  STORE_UNREACHABLE: 'DATASET_UNREACHABLE',
  STORE_REFUSED: 'DATASET_FORBIDDEN',
  STORE_UNSUPPORTED: 'REMOTE_UNSUPPORTED',
  STORE_CREDENTIALS: 'BAD_CONFIG',
  STORE_MALFORMED: 'DATASET_POINTER_INVALID',
  STORE_MISSING: 'DATASET_MISSING',
};

/** Whatever was thrown, with a StoreError as the TrainerError that it means here. */
export function asTrainerError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  return new TrainerError(CODES[error.code], error.message, { cause: error.cause });
}

export function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asTrainerError(error);
  }
}

export function translatedLater<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw asTrainerError(error);
  });
}
