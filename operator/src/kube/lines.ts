/** Bytes of a stream → its lines. */
import { undecodable } from './decode.ts';

// The API server's limit for one object is 3 MiB of request body (1.5 MiB in etcd); JSON of both sides fits many times.
const MAX_LINE = 32 * 1024 * 1024;

/** Yields complete lines without their end. What follows the last line end when the stream stops is dropped: it was cut. */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: () => void,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    onBytes();
    const text = decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      parts.push(text.slice(from, end));
      const line = parts.join('');
      parts = [];
      length = 0;
      from = end + 1;
      if (line !== '') yield line;
    }
    parts.push(text.slice(from));
    length += text.length - from;
    if (length > MAX_LINE) throw undecodable(`a line of more than ${MAX_LINE} characters`);
  }
}
