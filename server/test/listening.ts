/** The harness behind a real port, and what tests of connections need. */
import { once } from 'node:events';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Harness, type HarnessOptions, harness } from './harness.ts';

export interface Listening extends Harness {
  readonly url: string;
  readonly port: number;
}

/** Until the end of the test. */
export async function listen(options: HarnessOptions): Promise<Listening> {
  const server = await harness(options);
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    server.app.server.closeAllConnections();
    await server.close();
  });
  const { port } = server.app.server.address() as AddressInfo;
  return { ...server, port, url: `http://127.0.0.1:${port}` };
}

/** Lets the engine compute only when `open` is called; `entered` counts the batches that reached it. */
export function createGate(): {
  readonly gate: () => Promise<void>;
  readonly open: () => void;
  readonly entered: () => number;
} {
  const opened = Promise.withResolvers<undefined>();
  let entered = 0;
  return {
    gate: async () => {
      entered += 1;
      await opened.promise;
    },
    open: () => opened.resolve(undefined),
    entered: () => entered,
  };
}

/** The value of one line of the metrics, labels and all; 0 where there is none. */
export async function metric(server: Harness, name: string): Promise<number> {
  const text = await server.registry.metrics();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? 0);
}

/** Polls what has no event; the test's own time limit ends it. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/** Sends `text` and reads until the server closes. Errors are an end as well: a server may not read to the end. */
export async function exchange(port: number, text: string | Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(text);
  return readAll(socket);
}

export async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await once(socket, 'close');
  return text;
}
