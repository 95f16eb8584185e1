/** The kinds of server that the client is held to, started once for a test file. */
import { startMlflow, startPostgres, startTokenFront } from '@hilum/hack';
import { createMlflow, type MlflowClient } from '../src/index.ts';

export interface Held {
  readonly mlflow: MlflowClient;
  /** Of the server itself, whatever stands before it. */
  readonly url: string;
  /** Interpreter with the MLflow of that server. */
  readonly python: string;
  readonly stop: () => Promise<void>;
}

export const ADMIN = { username: 'admin', password: 'a password of 22 chars' };
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
    const front = await startTokenFront(server.url, TOKEN);
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
