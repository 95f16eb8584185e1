/** `fetch` whose downloads may break at any moment. */
import { type IncomingMessage, request as plain } from 'node:http';
import { request as secure } from 'node:https';

/**
 * As `fetch`, with `redirect: 'manual'`, on Node's own HTTP client where nothing is sent but headers.
 *
 * Node's fetch (undici 7 of Node 24.21) ends the whole process with `assert(!this.paused)`, outside of any promise, when
 * a server closes the connection while a body is read slower than it comes, as a download to a disk often is:
 * https://github.com/nodejs/undici/issues/5360, mended in undici 8 only. With a Node that has undici 8 this file can go.
 */
export const steadyFetch: typeof fetch = async (input, init = {}) => {
  const { method = 'GET', body, signal } = init;
  if (body !== undefined && body !== null) return fetch(input, init);
  const url = new URL(input instanceof Request ? input.url : input);
  const headers = Object.fromEntries(new Headers(init.headers));
  let message: IncomingMessage;
  try {
    message = await answerTo(url, { method, headers, ...(signal ? { signal } : {}) });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new TypeError('fetch failed', { cause });
  }
  const status = message.statusCode ?? 502;
  const isEmpty = method === 'HEAD' || [204, 205, 304].includes(status);
  if (isEmpty) message.resume();
  return new Response(isEmpty ? null : bodyOf(message), { status, headers: headersOf(message) });
};

interface Ask {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly signal?: AbortSignal;
}

function answerTo(url: URL, ask: Ask): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? secure : plain;
    send(url, ask).once('response', resolve).once('error', reject).end();
  });
}

/** Pieces that wait for a slow reader; one has at most 64 KiB. */
const MOST_WAITING = 16;

/** All that came is read before the error by which it ended: a stream of Node, or of the web, drops it at once. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  const waiting: Buffer[] = [];
  let end: { readonly error?: Error } | undefined;
  let wake: (() => void) | undefined;
  const finish = (error?: Error): void => {
    end ??= error === undefined ? {} : { error };
    wake?.();
  };
  message.on('data', (chunk: Buffer) => {
    waiting.push(chunk);
    if (waiting.length >= MOST_WAITING) message.pause();
    wake?.();
  });
  message.once('end', () => finish());
  message.once('error', finish);
  message.once('close', () => finish(new Error('aborted')));
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (waiting.length === 0 && end === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        const chunk = waiting.shift();
        if (chunk !== undefined) {
          if (waiting.length === 0) message.resume();
          controller.enqueue(chunk);
        } else if (end?.error === undefined) controller.close();
        else controller.error(end.error);
      },
      cancel: () => {
        message.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  }
  return headers;
}
