/** The kinds of server that the client is held to, started once for a test file. */
import { once } from 'node:events';
import { createServer, request as ask, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startMlflow, startPostgres } from '@hilum/hack';
import { createMlflow, type MlflowClient } from '../src/index.ts';

export interface Held {
  readonly mlflow: MlflowClient;
  /** Of the server itself, whatever stands before it. */
  readonly url: string;
  /** Interpreter with the MLflow of that server. */
  readonly python: string;
  readonly stop: () => Promise<void>;
}

const ADMIN = { username: 'admin', password: 'a password of 22 chars' };
export const TOKEN = 'a1b2c3d4e5';

/** Each in the words of a test's title. */
export const SERVERS = {
  'MLflow 3.17 on SQLite': async (): Promise<Held> => {
    const server = await startMlflow();
    return { ...server, mlflow: createMlflow({ baseUrl: server.url }) };
  },
  'MLflow 3.17 on PostgreSQL with a password': async (): Promise<Held> => {
    const postgres = await startPostgres();
    const server = await startMlflow({ backendStoreUri: postgres.uri, auth: ADMIN });
    const stop = async (): Promise<void> => {
      await server.stop();
      await postgres.stop();
    };
    return { ...server, mlflow: createMlflow({ baseUrl: server.url, ...ADMIN }), stop };
  },
  'MLflow 2.7 behind the token of a DagsHub': async (): Promise<Held> => {
    const server = await startMlflow({ major: 2 });
    const front = await dagshub(server.url);
    const stop = async (): Promise<void> => {
      await front.stop();
      await server.stop();
    };
    return {
      ...server,
      mlflow: createMlflow({ baseUrl: front.url, token: TOKEN, profile: 'dagshub' }),
      stop,
    };
  },
} as const;

/**
 * What stands before a hosted MLflow: the token as user and password of basic authentication, the repository in the
 * path, and, where asked for, parts of the API that are not there.
 *
 * @param without beginnings of paths, such as `/api/2.0/mlflow/registered-models`
 */
export async function dagshub(
  behind: string,
  without: readonly string[] = [],
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const want = `Basic ${Buffer.from(`${TOKEN}:${TOKEN}`).toString('base64')}`;
  const prefix = '/anna/lung.mlflow';
  const server: Server = createServer((request, response) => {
    const path = (request.url ?? '').slice(prefix.length);
    const { authorization, ...headers } = request.headers;
    if (authorization !== want) response.writeHead(401).end('Unauthorized');
    else if (request.url?.startsWith(prefix) !== true || without.some((part) => path.startsWith(part)))
      response.writeHead(404, { 'content-type': 'text/html' }).end('<html>404 page not found</html>');
    else {
      const { method } = request;
      const { host } = new URL(behind);
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
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
