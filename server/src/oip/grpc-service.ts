/** The methods of the Open Inference Protocol over gRPC. */
import { type UntypedServiceImplementation, type handleUnaryCall } from '@grpc/grpc-js';
import type { FastifyBaseLogger } from 'fastify';
import type { ServerContext } from '../context.ts';
import { ERROR_CODES, ServerError, toServerError } from '../errors.ts';
import type { Job } from '../gate.ts';
import { type InputTensor, deadlineOf, readAsk } from './ask.ts';
import { bytesOf } from './binary.ts';
import type { Contents } from './contents.ts';
import { type Call, type Calls, EXPECTED_BYTES } from './grpc-calls.ts';
import { type Refusal, refusalOf } from './grpc-status.ts';
import { type OutputTensor, answerParameters, infer, roomFor } from './infer.ts';
import { SERVER, assertModel, assertReady, modelMetadata, repositoryIndex } from './model.ts';

/** As protobuf decodes it: every field is there, an absent one as its zero. */
interface InferMessage {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters: Readonly<
    Record<string, { readonly int64_param?: number; readonly uint64_param?: number }>
  >;
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    readonly contents: {
      readonly fp32_contents: readonly number[];
      readonly bytes_contents: readonly Uint8Array[];
    } | null;
  }[];
  readonly outputs: readonly { readonly name: string }[];
  readonly raw_input_contents: readonly Uint8Array[];
}

interface Named {
  readonly name: string;
  readonly version: string;
}

/** Longest id of a request that comes back. */
const MAX_ID = 256;

export function createService(
  context: ServerContext,
  calls: Calls,
  log: FastifyBaseLogger,
): UntypedServiceImplementation {
  const { model, gate } = context;

  const refuse = (thrown: unknown, call: Call): Refusal => {
    const error = toServerError(thrown);
    call.fail(error.code);
    if (ERROR_CODES[error.code].status === 500) logBug(log, call, error);
    return refusalOf(error, call.requestId);
  };

  const unary =
    <Q, A>(answer: (message: Q, call: Call) => A | Promise<A>): handleUnaryCall<Q, A> =>
    async ({ request, metadata }, done) => {
      const call = calls.of(metadata);
      call.arrived();
      try {
        done(null, await answer(request, call));
      } catch (error) {
        done(refuse(error, call));
      }
    };

  const known = ({ name, version }: Named) => {
    const served = gate.served();
    assertModel(served, name, version === '' ? undefined : version);
    return served;
  };

  return {
    ServerLive: unary(() => ({ live: true })),
    ServerReady: unary(() => ({ ready: model.state.code === 'READY' })),
    ServerMetadata: unary(() => SERVER),
    ModelReady: unary((asked: Named) => {
      // Not known yet is not ready; known, and another, is an error.
      if (model.state.model === undefined) return { ready: false };
      known(asked);
      return { ready: model.state.code === 'READY' };
    }),
    ModelMetadata: unary((asked: Named) => {
      const { parameters, ...metadata } = modelMetadata(known(asked));
      return { ...metadata, parameters: parameterMap(parameters) };
    }),
    ModelInfer: unary(async (message: InferMessage, call) => {
      if (message.id.length > MAX_ID)
        throw new ServerError('TENSOR_INVALID', `id has more than ${MAX_ID} letters`);
      assertReady(model.state.code === 'SHUTTING_DOWN' ? { code: 'READY', message: '' } : model.state);
      const served = known({ name: message.model_name, version: message.model_version });
      const ask = readAsk(
        { inputs: inputsOf(message), outputs: message.outputs.map(({ name }) => name) },
        served,
      );
      const { timeout } = message.parameters;
      const place = {
        images: roomFor(ask.images.length, served),
        ...deadlineOf(timeout?.int64_param ?? timeout?.uint64_param),
      };
      const { admission, requestId, route, caller, span, note, gone } = call;
      if (admission === undefined) throw new Error('an inference without admission');
      const request = { requestId, route, caller, span, note, gone, ...place };
      // Of its own admission: alone it may be larger than the room for all, as a body of HTTP may.
      admission.hold(Math.max(0, bytesIn(message) - EXPECTED_BYTES));
      return admission.run(request, async (job) =>
        answerOf(message, job, await infer(job, ask, context.metrics)),
      );
    }),
    RepositoryIndex: unary(({ ready }: { readonly ready: boolean }) => ({
      models: repositoryIndex(model.state, ready),
    })),
    RepositoryModelLoad: unary(() => {
      throw new ServerError('REPOSITORY_FIXED');
    }),
    RepositoryModelUnload: unary(() => {
      throw new ServerError('REPOSITORY_FIXED');
    }),
  };
}

function inputsOf({ inputs, raw_input_contents: raw }: InferMessage): InputTensor[] {
  const isRaw = raw.length > 0;
  if (isRaw && raw.length !== inputs.length) {
    throw new ServerError('TENSOR_INVALID', `${inputs.length} inputs have ${raw.length} raw_input_contents`);
  }
  if (isRaw && inputs.some(({ contents }) => contents !== null)) {
    throw new ServerError('TENSOR_INVALID', 'an input has contents beside raw_input_contents');
  }
  return inputs.map(({ name, datatype, shape, contents }, index) => {
    const bytes = raw[index];
    return {
      name,
      datatype,
      shape,
      contents: bytes === undefined ? typed(datatype, contents) : { kind: 'raw', bytes },
    };
  });
}

function bytesIn({ inputs, raw_input_contents: raw }: InferMessage): number {
  const items = inputs.flatMap(({ contents }) => contents?.bytes_contents ?? []);
  const numbers = inputs.reduce((sum, { contents }) => sum + (contents?.fp32_contents.length ?? 0), 0);
  return [...raw, ...items].reduce((sum, { byteLength }) => sum + byteLength, 4 * numbers);
}

function typed(datatype: string, contents: InferMessage['inputs'][number]['contents']): Contents {
  if (contents === null)
    throw new ServerError('TENSOR_INVALID', 'an input has neither contents nor raw_input_contents');
  return datatype === 'BYTES'
    ? { kind: 'items', items: contents.bytes_contents }
    : { kind: 'numbers', values: contents.fp32_contents };
}

/** In the form in which the client sent its tensors. */
function answerOf(message: InferMessage, job: Job, tensors: readonly OutputTensor[]): object {
  const { served } = job;
  const isRaw = message.raw_input_contents.length > 0;
  return {
    model_name: served.name,
    model_version: served.version ?? '',
    id: message.id === '' ? job.requestId : message.id,
    parameters: parameterMap(answerParameters(job)),
    outputs: tensors.map(({ name, shape, values }) => ({
      name,
      datatype: 'FP32',
      shape,
      ...(isRaw ? {} : { contents: { fp32_contents: [...values] } }),
    })),
    raw_output_contents: isRaw ? tensors.map(({ values }) => bytesOf(values)) : [],
  };
}

function parameterMap(
  parameters: Readonly<Record<string, string | number | boolean>>,
): Record<string, object> {
  return Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => [key, { string_param: String(value) }]),
  );
}

/** Where it happened, without the words of the error: they may quote the file that caused it. */
function logBug(log: FastifyBaseLogger, { requestId, route }: Call, { code, cause }: ServerError): void {
  const stack = cause instanceof Error ? (cause.stack ?? '') : '';
  const frames = stack.split('\n').filter((line) => line.startsWith('    at '));
  log.error(
    { requestId, route, code, error: cause instanceof Error ? cause.name : typeof cause, frames },
    'request failed',
  );
}
