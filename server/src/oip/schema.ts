/** What the API page says of the Open Inference Protocol. */
import {
  NOTICE,
  inferRequestSchema,
  inferResponseSchema,
  jsonSchema,
  modelMetadataSchema,
  modelReadySchema,
  oipProblemSchema,
  repositoryIndexSchema,
  serverMetadataSchema,
} from '@hilum/wire';
import type { FastifySchema } from 'fastify';
import { ERROR_CODES, type ErrorCode } from '../errors.ts';

const tags = ['infer'];
const binary = { schema: { type: 'string', format: 'binary' } };
const problem = { 'application/problem+json': { schema: jsonSchema(oipProblemSchema) } };

/** Refusals that any route may give, by status. */
function refusals(...codes: ErrorCode[]): Record<string, object> {
  const byStatus = Map.groupBy(codes, (code) => ERROR_CODES[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      status,
      { description: of.toSorted().join(', '), content: problem },
    ]),
  );
}

/** Where an image is inferred. */
function inferRefusals(): Record<string, object> {
  // 405 belongs to other addresses, 499 is never sent: its client is gone.
  const codes = Object.entries(ERROR_CODES).filter(([, { status }]) => ![405, 499].includes(status));
  return refusals(...codes.map(([code]) => code as ErrorCode));
}

const name = { type: 'string', description: 'Of the model; /v2/repository/index has it' };
const version = { type: 'string', description: 'Of the model, as its registry numbers it' };

function modelSchemas(params: Record<string, object>, where: string) {
  const path = { type: 'object', properties: params, required: Object.keys(params) };
  return {
    metadata: {
      tags,
      params: path,
      summary: `What the model takes and gives${where}`,
      response: {
        200: jsonSchema(modelMetadataSchema),
        ...refusals('MODEL_UNKNOWN', 'MODEL_NOT_READY', 'SHUTTING_DOWN'),
      },
    },
    ready: {
      tags,
      params: path,
      summary: `Does the model answer${where}`,
      response: {
        200: jsonSchema(modelReadySchema),
        ...refusals('MODEL_UNKNOWN', 'MODEL_NOT_READY', 'SHUTTING_DOWN'),
      },
    },
    infer: {
      tags,
      params: path,
      summary: `Infer a tensor, or files${where}`,
      description: [
        'JSON, or JSON with the bytes of tensors behind it: then `Inference-Header-Content-Length` says where the JSON',
        `ends. ${NOTICE}`,
      ].join(' '),
      body: {
        content: {
          'application/json': { schema: jsonSchema(inferRequestSchema) },
          'application/octet-stream': binary,
        },
      },
      response: {
        200: {
          description: `The outputs of the network. ${NOTICE}`,
          content: {
            'application/json': { schema: jsonSchema(inferResponseSchema) },
            'application/octet-stream': binary,
          },
        },
        ...inferRefusals(),
      },
    },
  } satisfies Record<string, FastifySchema>;
}

const byName = { type: 'object', properties: { name }, required: ['name'] };
const fixed = (summary: string) => ({
  tags,
  params: byName,
  summary,
  response: refusals('REPOSITORY_FIXED', 'BODY_TOO_LARGE', 'CONTENT_TYPE_INVALID'),
});

export const oipSchemas = {
  server: {
    tags,
    summary: 'What this server is',
    response: { 200: jsonSchema(serverMetadataSchema) },
  },
  model: modelSchemas({ name }, ''),
  version: modelSchemas({ name, version }, ', by its version'),
  index: {
    tags,
    summary: 'The one model of this server',
    // Not as a schema: it may be missing, which Fastify's document cannot say of a body.
    description: 'The body may be `{"ready": true}`: the model only where it answers.',
    response: {
      200: jsonSchema(repositoryIndexSchema),
      ...refusals('JSON_INVALID', 'BODY_TOO_LARGE', 'CONTENT_TYPE_INVALID'),
    },
  },
  load: fixed('Refused: the model is chosen by its deployment'),
  unload: fixed('Refused: the model is chosen by its deployment'),
} as const;
