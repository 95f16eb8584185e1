/** The bytes of a request, read into memory as far as there is room for them. */
import { ServerError } from '../errors.ts';
import { tooLarge } from '../gate.ts';

/** Of a body that comes to a route for which no room is held: of JSON that asks for a list, or of a wrong method. */
export const MOST_UNASKED_BYTES = 65_536;

export interface BodyOptions {
  readonly maxBytes: number;
  /** As the client announced; absent where it did not. */
  readonly announced: number | undefined;
  /** Before each piece of a body that was not announced; throws ServerError QUEUE_FULL. */
  readonly hold: (bytes: number) => void;
}

/**
 * Too much is returned, not thrown: Fastify closes the connection of a body that fails to parse, and the client,
 * still sending, would see a reset instead of the 413.
 */
export async function readBody(
  payload: AsyncIterable<Buffer>,
  { maxBytes, announced, hold }: BodyOptions,
): Promise<Buffer | ServerError> {
  if (announced !== undefined && announced <= maxBytes) return readAnnounced(payload, announced);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of payload) {
    bytes += chunk.length;
    if (bytes > maxBytes) return tooLarge(maxBytes);
    try {
      hold(chunk.length);
    } catch (error) {
      if (error instanceof ServerError) return error;
      throw error;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** Into its place at once: pieces that are joined in the end take the memory twice. */
async function readAnnounced(payload: AsyncIterable<Buffer>, announced: number): Promise<Buffer> {
  // Node's parser gives neither more nor fewer bytes than were announced. Pages that nothing was written to take no
  // memory, so a length alone costs nothing.
  const body = Buffer.allocUnsafeSlow(announced);
  let at = 0;
  for await (const chunk of payload) at += chunk.copy(body, at);
  return body.subarray(0, at);
}
