/** The Open Inference Protocol over gRPC, on the port of HTTP. */
import type { Socket } from 'node:net';
import type { Routes } from '../context.ts';
import type { GrpcServer } from './grpc-server.ts';
import { splitProtocols } from './split.ts';

export const grpcRoutes: Routes = (app, context) => {
  const { limits } = context;
  let server: GrpcServer | undefined;
  let closing = false;
  // gRPC costs memory and time to load, which a server that is never asked by it does not pay.
  const load = async (): Promise<GrpcServer> => {
    const { createGrpcServer } = await import('./grpc-server.ts');
    server ??= createGrpcServer(context, app.log);
    return server;
  };
  const hand = async (socket: Socket): Promise<void> => {
    // HTTP/1.1 may answer a client that has said all it will; a session of HTTP/2 whose client is gone has nobody.
    socket.allowHalfOpen = false;
    const drop = (): void => void socket.destroy();
    socket.once('error', drop);
    try {
      const grpc = await load();
      socket.off('error', drop);
      if (closing || socket.destroyed) drop();
      else grpc.take(socket);
    } catch (error) {
      app.log.error({ error: error instanceof Error ? error.message : typeof error }, 'gRPC did not load');
      drop();
    }
  };
  const dropUndecided = splitProtocols(app.server, {
    timeoutMs: limits.bodyTimeoutMs,
    http2: (socket) => void hand(socket),
  });
  app.addHook('preClose', async () => {
    closing = true;
    dropUndecided();
    // No call works longer than a deadline; a second more for its answer to go out.
    server?.drain(limits.deadlineMs + 1_000);
  });
};
