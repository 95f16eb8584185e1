/** gRPC's server without a port of its own: it is handed the connections that begin with HTTP/2. */
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Server, type ServiceDefinition, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { FastifyBaseLogger } from 'fastify';
import { peerOf } from '../access/guard.ts';
import type { ServerContext } from '../context.ts';
import { createCalls } from './grpc-calls.ts';
import { createService } from './grpc-service.ts';

export interface GrpcServer {
  readonly take: (socket: Socket) => void;
  /** Clients are told to go; calls in flight have `graceMs` to end. */
  readonly drain: (graceMs: number) => void;
}

const PROTO = fileURLToPath(new URL('./open_inference.proto', import.meta.url));
// Numbers instead of objects for 64 bits: no shape and no timeout comes near 2^53.
const LOADING = { keepCase: true, longs: Number, defaults: true, oneofs: true } as const;
// Names and shapes beside the tensors.
const ENVELOPE_BYTES = 65_536;

export function createGrpcServer(context: ServerContext, log: FastifyBaseLogger): GrpcServer {
  const sockets = new Map<string, Socket>();
  const calls = createCalls({
    context,
    log,
    peerOf: (address) => {
      const socket = sockets.get(address);
      return socket === undefined ? {} : peerOf(socket);
    },
    wallMs: Date.now,
  });
  const server = new Server({
    interceptors: [calls.interceptor],
    'grpc.max_receive_message_length': context.limits.maxBodyBytes + ENVELOPE_BYTES,
    'grpc.max_concurrent_streams': 128,
    // A client that is gone without a word is noticed.
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.max_connection_idle_ms': 300_000,
    'grpc.enable_channelz': 0,
  });
  const packages = loadSync(PROTO, LOADING);
  const definition = packages['inference.GRPCInferenceService'] as ServiceDefinition;
  server.addService(definition, createService(context, calls, log));
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    take: (socket) => {
      const address = `${socket.remoteAddress}:${socket.remotePort}`;
      sockets.set(address, socket);
      socket.once('close', () => sockets.delete(address));
      injector.injectConnection(socket);
    },
    drain: (graceMs) => injector.drain(graceMs),
  };
}
