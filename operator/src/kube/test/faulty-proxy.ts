/** A proxy before a real API server that fails as networks, load balancers and API servers do. */
import { KubeConfig } from '@kubernetes/client-node';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly watch: boolean;
  readonly headers: IncomingMessage['headers'];
}

export type Fault =
  | { readonly kind: 'reset' }
  /** The request is taken and never answered. */
  | { readonly kind: 'silence' }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: string;
      readonly headers?: Record<string, string>;
    }
  | { readonly kind: 'slow'; readonly ms: number };

export interface FaultyProxy {
  readonly kubeConfig: KubeConfig;
  /** Decides for each request; undefined lets it through. */
  fault: (seen: Seen) => Fault | undefined;
  readonly seen: Seen[];
  /** Open sockets of clients. */
  readonly sockets: number;
  /** Watches that the API server has begun to answer. */
  readonly streams: number;
  /** Resets every open socket. */
  resetAll(): void;
  /** Open streams go on existing, and bring nothing more. */
  muteStreams(): void;
  /** Ends every open stream in good order, as the API server does after timeoutSeconds. */
  endStreams(): void;
  /** Writes a line into every open stream, as if the API server had. */
  inject(line: string): void;
  close(): Promise<void>;
}

/** @param kubeconfigPath of the real API server */
export async function createFaultyProxy(kubeconfigPath: string): Promise<FaultyProxy> {
  const target = new KubeConfig();
  target.loadFromFile(kubeconfigPath);
  const tls: RequestOptions = {};
  await target.applyToHTTPSOptions(tls);
  const server = createServer();
  const sockets = new Set<Socket>();
  const streams = new Map<ServerResponse, { muted: boolean }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  const proxy: FaultyProxy = {
    kubeConfig: new KubeConfig(),
    fault: () => undefined,
    seen: [],
    get sockets() {
      return sockets.size;
    },
    get streams() {
      return streams.size;
    },
    resetAll: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    muteStreams: () => {
      for (const stream of streams.values()) stream.muted = true;
    },
    endStreams: () => {
      for (const response of streams.keys()) response.end();
    },
    inject: (line) => {
      for (const response of streams.keys()) response.write(`${line}\n`);
    },
    close: async () => {
      proxy.resetAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  function forward(request: IncomingMessage, response: ServerResponse, seen: Seen): void {
    const upstream = httpsRequest(
      new URL(request.url ?? '/', target.getCurrentCluster()?.server),
      { ...tls, method: request.method, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        const stream = { muted: false };
        if (seen.watch) streams.set(response, stream);
        answer.on('data', (chunk: Buffer) => stream.muted || response.write(chunk));
        answer.on('end', () => stream.muted || response.end());
        answer.on('error', () => response.destroy());
      },
    );
    upstream.on('error', () => response.destroy());
    response.on('close', () => {
      streams.delete(response);
      upstream.destroy();
    });
    request.pipe(upstream);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://proxy');
    const watch = url.searchParams.get('watch') === 'true';
    const seen = { method: request.method ?? '', url, watch, headers: request.headers };
    proxy.seen.push(seen);
    const fault = proxy.fault(seen);
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'reset') request.socket.resetAndDestroy();
    else if (fault?.kind === 'answer') {
      response
        .writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
        .end(fault.body);
    } else {
      if (fault?.kind === 'slow') await wait(fault.ms);
      forward(request, response, seen);
    }
  }

  server.on('request', (request: IncomingMessage, response: ServerResponse) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  proxy.kubeConfig.loadFromClusterAndUser(
    { name: 'proxy', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'nobody' },
  );
  return proxy;
}

/** A watch line that tells of an error. */
export function errorLine(code: number, reason: string): string {
  return JSON.stringify({ type: 'ERROR', object: status(code, reason) });
}

/** metav1.Status. */
export function status(code: number, reason: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'by the test', reason, code };
}
