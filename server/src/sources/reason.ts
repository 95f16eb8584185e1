/** What a failed attempt means for the readiness answer. */
import { MlflowError } from '@hilum/mlflow';
import { StoreError, type StoreCode } from '@hilum/store';
import type { ReadinessCode } from '../readiness.ts';

const ABSENT = new Set(['MODEL_NOT_FOUND', 'ALIAS_NOT_FOUND', 'RESOURCE_DOES_NOT_EXIST']);

const OF_STORE: Readonly<Partial<Record<StoreCode, ReadinessCode>>> = {
  STORE_UNREACHABLE: 'SOURCE_UNREACHABLE',
  STORE_REFUSED: 'SOURCE_REFUSED',
  STORE_CREDENTIALS: 'SOURCE_REFUSED',
  STORE_MISSING: 'MODEL_NOT_FOUND',
};

/** @returns undefined for what no waiting cures */
export function reasonOf(error: unknown): ReadinessCode | undefined {
  if (error instanceof StoreError) return OF_STORE[error.code];
  if (!(error instanceof MlflowError)) return undefined;
  if (ABSENT.has(error.code)) return 'MODEL_NOT_FOUND';
  return error.retryable ? 'TRACKING_UNREACHABLE' : 'TRACKING_REFUSED';
}
