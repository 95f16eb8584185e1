/** The HTTP side of a controller process: /healthz, /readyz and /metrics. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** Undefined when well, else what is wrong, in a few words. */
export type Check = () => string | undefined;

export interface HealthOptions {
  readonly registry: Registry;
  /** Alive: a failure means that only a restart helps. */
  readonly live?: Readonly<Record<string, Check>>;
  /** Ready: a failure may pass. */
  readonly ready: Readonly<Record<string, Check>>;
}

export interface Health {
  /** Port 0 takes a free one; resolves with the port. */
  listen(port: number, host: string): Promise<number>;
  close(): Promise<void>;
}

export function createHealth(options: HealthOptions): Health {
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (request.method !== 'GET') send(response, 405, 'only GET\n');
    else if (path === '/healthz') answer(response, options.live ?? {});
    else if (path === '/readyz') answer(response, options.ready);
    else if (path === '/metrics') void scrape(response, options.registry);
    else send(response, 404, 'there are /healthz, /readyz and /metrics\n');
  });

  return {
    listen: async (port, host) => {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, resolve);
      });
      return portOf(server.address());
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(response: ServerResponse, checks: Readonly<Record<string, Check>>): void {
  const lines = Object.entries(checks).map(([name, check]) => ({ name, wrong: check() }));
  const well = lines.every(({ wrong }) => wrong === undefined);
  const text = lines.map(({ name, wrong }) =>
    wrong === undefined ? `ok ${name}\n` : `not ok ${name}: ${wrong}\n`,
  );
  send(response, well ? 200 : 503, text.join('') + (well ? 'ok\n' : 'not ok\n'));
}

async function scrape(response: ServerResponse, registry: Registry): Promise<void> {
  try {
    send(response, 200, await registry.metrics(), registry.contentType);
  } catch {
    send(response, 500, 'the metrics could not be collected\n');
  }
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
