import { randomUUID } from 'node:crypto';

/** A new UID: 2.25 and the decimal form of a random UUID (PS3.5 B.2). */
export function newUid(): string {
  return `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;
}
