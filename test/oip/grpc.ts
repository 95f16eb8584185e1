/** A server, asked over gRPC. */
import { fileURLToPath } from 'node:url';
import { type ServiceClientConstructor, credentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { z } from 'zod';
import { Miss, expectThat } from './check.ts';

const PROTO = fileURLToPath(import.meta.resolve('@hilum/server/open_inference.proto'));
const ASK_MS = 30_000;

export interface Grpc {
  readonly call: <T>(method: string, message: object, schema: z.ZodType<T>) => Promise<T>;
  /** Succeeds where the call does not. */
  readonly refuses: (method: string, message: object) => Promise<void>;
  readonly close: () => void;
}

/** @param target HOST:PORT */
export function createGrpc(target: string, isTls: boolean): Grpc {
  const loaded = loadPackageDefinition(
    loadSync(PROTO, { keepCase: true, longs: Number, defaults: true, oneofs: true }),
  );
  const { GRPCInferenceService } = loaded['inference'] as unknown as {
    GRPCInferenceService: ServiceClientConstructor;
  };
  const secret = isTls ? credentials.createSsl() : credentials.createInsecure();
  const client = new GRPCInferenceService(target, secret);
  const ask = (method: string, message: object): Promise<Answer> =>
    new Promise((resolve) => {
      const definition = GRPCInferenceService.service[method];
      if (definition === undefined) throw new Error(`no method ${method}`);
      client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        message,
        { deadline: Date.now() + ASK_MS },
        (error, value: unknown) => resolve({ error, value }),
      );
    });
  return {
    call: async (method, message, schema) => {
      const { error, value } = await ask(method, message);
      if (error !== null) throw new Miss(`${method}: ${status[error.code]} instead of OK: ${error.details}`);
      const parsed = schema.safeParse(value);
      if (parsed.success) return parsed.data;
      const [issue] = parsed.error.issues;
      throw new Miss(`${method}: ${issue?.path.map(String).join('.')}: ${issue?.message}`);
    },
    refuses: async (method, message) => {
      const { error } = await ask(method, message);
      expectThat(error !== null, `${method}: OK instead of an error`);
      // Some servers say UNAVAILABLE of a model that they have not; gRPC says it of a server that is not there.
      const isThere = error.code !== status.DEADLINE_EXCEEDED && (await ask('ServerLive', {})).error === null;
      expectThat(isThere, `${method}: ${status[error.code]}: ${error.details}`);
    },
    close: () => client.close(),
  };
}

interface Answer {
  readonly error: { readonly code: status; readonly details: string } | null;
  readonly value: unknown;
}
