/** Stands before a real store and breaks what it answers, as networks do. */
import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CuttingFront {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Connections are cut after so many bytes of a body. */
  cutAfter: number;
  /** Instead of being cut, they fall silent. */
  isSilent: boolean;
  /** One bit of the first so many bodies of more than a megabyte is another one. */
  spoil: number;
  /** No range is passed on: as a store that knows none. */
  withoutRanges: boolean;
  /** Method, path and range of each request. */
  readonly seen: { readonly path: string; readonly range: string | undefined }[];
  /** Bytes of bodies that were passed on. */
  bytes: number;
  stop(): Promise<void>;
}

const MEGABYTE = 1_000_000;

export async function startCuttingFront(behind: string): Promise<CuttingFront> {
  const server = createServer((request, response) => {
    const { method, url: path = '', headers } = request;
    const { range, ...others } = headers;
    front.seen.push({ path, range });
    // The host header stays, as S3's signature covers it.
    const passed = front.withoutRanges ? others : headers;
    const forwarded = ask(`${behind}${path}`, { method, headers: passed }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      let left = front.cutAfter;
      const isSpoilt = front.spoil > 0 && Number(answer.headers['content-length'] ?? 0) > MEGABYTE;
      if (isSpoilt) front.spoil -= 1;
      answer.on('data', (chunk: Buffer) => {
        if (left <= 0) return;
        const part = chunk.subarray(0, left);
        if (isSpoilt && left === front.cutAfter) part[0] = (part[0] ?? 0) ^ 1;
        left -= part.length;
        front.bytes += part.length;
        response.write(part);
        if (left > 0) return;
        if (front.isSilent) return;
        // After what was written.
        response.socket?.destroySoon();
        forwarded.destroy();
      });
      answer.on('end', () => {
        if (left > 0) response.end();
      });
    });
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const front: CuttingFront = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter: Infinity,
    isSilent: false,
    spoil: 0,
    withoutRanges: false,
    seen: [],
    bytes: 0,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return front;
}
