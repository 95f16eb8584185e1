/** What stands before a hosted MLflow, such as DagsHub's: a token instead of a password, and parts that are not there. */
import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TokenFront {
  /** With the repository in its path, as hosted ones have it. */
  readonly url: string;
  stop(): Promise<void>;
}

const PREFIX = '/anna/lung.mlflow';

/**
 * Passes on to `behind` what shows the token as user and password of basic authentication.
 *
 * @param without beginnings of paths that are answered with a page of 404, such as `/api/2.0/mlflow/registered-models`
 */
export async function startTokenFront(
  behind: string,
  token: string,
  without: readonly string[] = [],
): Promise<TokenFront> {
  const want = `Basic ${Buffer.from(`${token}:${token}`).toString('base64')}`;
  const { host } = new URL(behind);
  const server = createServer((request, response) => {
    const { method, url = '' } = request;
    const path = url.slice(PREFIX.length);
    const { authorization, ...headers } = request.headers;
    if (authorization !== want) response.writeHead(401).end('Unauthorized');
    else if (!url.startsWith(PREFIX) || without.some((part) => path.startsWith(part)))
      response.writeHead(404, { 'content-type': 'text/html' }).end('<html>404 page not found</html>');
    else {
      const forwarded = ask(`${behind}${path}`, { method, headers: { ...headers, host } }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      forwarded.on('error', () => response.destroy());
      request.pipe(forwarded);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PREFIX}`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
