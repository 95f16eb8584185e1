/** A remote on a web server of the test's own, with one dataset of one file. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';
import { formatDirectory } from '../src/dvc/directory.ts';

export const md5Of = (bytes: Uint8Array | string): string => createHash('md5').update(bytes).digest('hex');
/** Path of an object on the server. */
export const pathOf = (md5: string): string => `/files/md5/${md5.slice(0, 2)}/${md5.slice(2)}`;

/** One dataset with one file, and a server that hands requests for that file to `serve`. */
export async function remoteOf(
  content: Uint8Array,
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ readonly remote: string; readonly md5: string; readonly object: string }> {
  const directory = formatDirectory([{ md5: md5Of(content), relpath: 'a/1.png' }]);
  const md5 = `${md5Of(directory)}.dir`;
  const remote = await server((request, response) => {
    if (request.url === pathOf(md5)) response.end(directory);
    else serve(request, response);
  });
  return { remote, md5, object: md5Of(content) };
}

/** Serves until the tests are over. @returns the address */
export async function server(listener: RequestListener): Promise<string> {
  const http = createServer(listener).listen(0, '127.0.0.1');
  await once(http, 'listening');
  afterAll(() => http.close().closeAllConnections());
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}
