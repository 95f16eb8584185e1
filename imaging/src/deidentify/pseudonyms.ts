/** What stands for an identity: derived from it by a secret key, the same in every file and every run. */
import { createHmac } from 'node:crypto';

export type Pseudonyms = {
  /** 2.25 and a version 8 UUID (PS3.5 B.2, RFC 9562), at most 44 characters. */
  uid(original: string): string;
  /** Prefix and 80 bits in base 32. */
  patientId(original: string): string;
  /** Whole days by which the dates of a patient move, from -3650 to -1. */
  shiftDays(patient: string): number;
  /** A name for a folder, of 40 bits. */
  folder(original: string): string;
};

export const MIN_KEY_BYTES = 16;
const MAX_SHIFT_DAYS = 3650;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * HMAC-SHA256 (RFC 2104): without the key nothing can be turned back or even tried; with it, whoever guesses an
 * original can check the guess.
 */
export function createPseudonyms(key: Uint8Array, prefix: string): Pseudonyms {
  if (key.length < MIN_KEY_BYTES) throw new RangeError(`the key has at least ${MIN_KEY_BYTES} bytes`);
  if (!/^[A-Za-z0-9_-]{0,16}$/.test(prefix)) {
    throw new RangeError('the prefix has up to 16 letters, digits, hyphens and underscores');
  }
  // The purpose is part of the message: equal originals of two kinds do not give equal digests.
  const digest = (purpose: string, original: string): Buffer =>
    createHmac('sha256', key).update(`${purpose}\0`).update(original, 'latin1').digest();
  return {
    uid: (original) => {
      const uuid = digest('uid', original).subarray(0, 16);
      uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x80;
      uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
      return `2.25.${BigInt(`0x${uuid.toString('hex')}`)}`;
    },
    patientId: (original) => prefix + base32(digest('patient', original), 16),
    shiftDays: (patient) => -1 - (digest('shift', patient).readUIntBE(0, 6) % MAX_SHIFT_DAYS),
    folder: (original) => base32(digest('folder', original), 8).toLowerCase(),
  };
}

function base32(bytes: Uint8Array, characters: number): string {
  return Array.from({ length: characters }, (_, at) => BASE32[(bytes[at] ?? 0) & 31] ?? '').join('');
}
