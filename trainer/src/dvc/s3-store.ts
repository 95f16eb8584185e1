/** An S3 bucket as a store of this room. */
import { type S3Options, type WebStore, s3Store as storeOf } from '@hilum/store';
import { translated } from './store-error.ts';

export type { S3Options };

/** @throws TrainerError REMOTE_UNSUPPORTED where the address names no bucket or the endpoint is none; its `headers` throw StoreError */
export function s3Store(address: string, options: S3Options = {}): WebStore {
  return translated(() => storeOf(address, options));
}
