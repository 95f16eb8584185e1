/** The Open Inference Protocol, version 2, over HTTP, with the binary tensor extension. */
import { type InferRequest, type InferResponse, inferRequestSchema, repositoryAskSchema } from '@hilum/wire';
import type { FastifyReply, FastifyRequest, preSerializationHookHandler } from 'fastify';
import type { Routes, ServerContext } from '../context.ts';
import { ServerError } from '../errors.ts';
import { bodyOf } from '../http/admission.ts';
import type { Job } from '../gate.ts';
import { type InputTensor, deadlineOf, readAsk } from './ask.ts';
import { BinaryParts, JSON_LENGTH_HEADER, bytesOf, splitBody } from './binary.ts';
import { type OutputTensor, answerParameters, infer, roomFor } from './infer.ts';
import { parseAs, parseJson } from './json.ts';
import { SERVER, assertModel, assertReady, modelMetadata, repositoryIndex } from './model.ts';
import { withError } from './problem.ts';
import { oipSchemas } from './schema.ts';

interface ModelPath {
  Params: { name: string; version?: string };
}

export const oipRoutes: Routes = (app, context) => {
  const { model, gate, entrance } = context;
  const preSerialization: preSerializationHookHandler = withError;
  const known = async (request: FastifyRequest<ModelPath>): Promise<void> => {
    assertModel(gate.served(), request.params.name, request.params.version);
  };

  app.get('/v2', { schema: oipSchemas.server, preSerialization }, async () => SERVER);
  // As one of the two published texts writes it.
  app.get('/v2/', { schema: { hide: true } }, async () => SERVER);
  for (const at of ['', '/versions/:version']) {
    const path = `/v2/models/:name${at}`;
    const schemas = at === '' ? oipSchemas.model : oipSchemas.version;
    app.get<ModelPath>(path, {
      schema: schemas.metadata,
      onRequest: known,
      preSerialization,
      handler: async () => modelMetadata(gate.served()),
    });
    app.get<ModelPath>(`${path}/ready`, {
      schema: schemas.ready,
      onRequest: known,
      preSerialization,
      handler: async ({ params }) => {
        assertReady(model.state);
        return { name: params.name, ready: true };
      },
    });
    app.post<ModelPath>(`${path}/infer`, {
      schema: schemas.infer,
      // Another model's body is not read.
      onRequest: [known, entrance.admit],
      preSerialization,
      handler: async (request, reply) => answerInfer(request, reply, context),
    });
  }

  app.post('/v2/repository/index', {
    schema: oipSchemas.index,
    preSerialization,
    handler: async (request) => {
      const { body } = request;
      const isEmpty = body instanceof Uint8Array && body.byteLength === 0;
      const ask =
        body === undefined || isEmpty ? {} : parseAs(repositoryAskSchema, parseJson(bodyOf(request)));
      return repositoryIndex(model.state, ask.ready === true);
    },
  });
  for (const verb of ['load', 'unload'] as const) {
    app.post(`/v2/repository/models/:name/${verb}`, {
      schema: oipSchemas[verb],
      preSerialization,
      handler: async () => {
        throw new ServerError('REPOSITORY_FIXED');
      },
    });
  }
};

async function answerInfer(
  request: FastifyRequest,
  reply: FastifyReply,
  { gate, entrance, metrics }: ServerContext,
): Promise<InferResponse | FastifyReply> {
  const { json, rest } = splitBody(bodyOf(request), request.headers[JSON_LENGTH_HEADER]);
  const sent = parseAs(inferRequestSchema, parseJson(json));
  const served = gate.served();
  const outputs = sent.outputs?.map(({ name }) => name);
  const ask = readAsk(
    { inputs: inputsOf(sent, rest), ...(outputs === undefined ? {} : { outputs }) },
    served,
  );
  const place = { images: roomFor(ask.images.length, served), ...deadlineOf(sent.parameters?.timeout) };
  return entrance.run(request, place, async (job) => {
    const answer = await infer(job, ask, metrics);
    return respond(reply, job, sent, answer);
  });
}

function inputsOf({ inputs }: InferRequest, rest: Uint8Array): InputTensor[] {
  const parts = new BinaryParts(rest);
  const tensors = inputs.map(({ name, datatype, shape, parameters, data }): InputTensor => {
    const size = parameters?.binary_data_size;
    if (size === undefined) return { name, datatype, shape, contents: { kind: 'json', data } };
    if (data !== undefined) {
      throw new ServerError('TENSOR_INVALID', `${name} has both data and binary_data_size`);
    }
    return { name, datatype, shape, contents: { kind: 'raw', bytes: parts.take(size) } };
  });
  parts.assertEmpty();
  return tensors;
}

function respond(
  reply: FastifyReply,
  job: Job,
  sent: InferRequest,
  tensors: readonly OutputTensor[],
): InferResponse | FastifyReply {
  reply.header('cache-control', 'no-store');
  const isBinary = ({ name }: OutputTensor): boolean => {
    const own = sent.outputs?.find((output) => output.name === name)?.parameters?.binary_data;
    return own ?? sent.parameters?.binary_data_output ?? false;
  };
  const { served } = job;
  const answer: InferResponse = {
    model_name: served.name,
    ...(served.version === null ? {} : { model_version: served.version }),
    id: sent.id ?? job.requestId,
    parameters: answerParameters(job),
    outputs: tensors.map((tensor) => ({
      name: tensor.name,
      datatype: 'FP32',
      shape: [...tensor.shape],
      ...(isBinary(tensor)
        ? { parameters: { binary_data_size: tensor.values.byteLength } }
        : { data: [...tensor.values] }),
    })),
  };
  const binary = tensors.filter(isBinary);
  if (binary.length === 0) return answer;
  const json = Buffer.from(JSON.stringify(answer));
  return reply
    .type('application/octet-stream')
    .header(JSON_LENGTH_HEADER, String(json.byteLength))
    .send(Buffer.concat([json, ...binary.map(({ values }) => bytesOf(values))]));
}
