/** A JSON body, read without trusting what it would grow into. */
import type { z } from 'zod';
import { ServerError } from '../errors.ts';
import { parseWithNumbers } from './numbers.ts';

/** Images of one request, for all protocols of tensors. */
export const MAX_IMAGES = 64;

/**
 * Long flat arrays of numbers come as Float32Array: see numbers.ts.
 *
 * @throws ServerError JSON_INVALID
 */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return parseWithNumbers(bytes, assertPlain);
  } catch (cause) {
    if (cause instanceof ServerError) throw cause;
    throw new ServerError('JSON_INVALID', 'the body is no JSON', { cause });
  }
}

/** @throws ServerError JSON_INVALID that says where, and never quotes */
export function parseAs<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw new ServerError('JSON_INVALID', `${where === '' ? 'the body' : where}: ${issue?.message ?? ''}`);
}

// A nested tensor of three channels has one bracket or quote in 8 bytes, `[0,0,0],`. What has more of them is an
// array of arrays or an object of names, of which three bytes become forty in memory.
const BYTES_PER_MARK = 8;
const FREE_MARKS = 1024;

function assertPlain(bytes: Uint8Array): void {
  const limit = bytes.length / BYTES_PER_MARK + FREE_MARKS;
  if (bytes.length < FREE_MARKS) return;
  let marks = 0;
  for (let at = 0; at < bytes.length; at += 1) marks += MARKS[bytes[at] as number] as number;
  if (marks > limit) throw new ServerError('JSON_INVALID', 'the body is mostly brackets and quotes');
}

const MARKS = new Uint8Array(256);
for (const mark of '[{"') MARKS[mark.charCodeAt(0)] = 1;
