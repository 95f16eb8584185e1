/** What the API page says of MLflow's scoring protocol. */
import { NOTICE, invocationsSchema, jsonSchema, predictionsSchema, problemSchema } from '@hilum/wire';
import type { FastifySchema } from 'fastify';
import { ERROR_CODES } from '../errors.ts';

const tags = ['scoring'];
const problem = { 'application/problem+json': { schema: jsonSchema(problemSchema) } };
const notReady = { 503: { description: 'MODEL_NOT_READY, SHUTTING_DOWN', content: problem } };

export const scoringSchemas = {
  invocations: {
    tags,
    summary: 'Score tensors, as MLflow does',
    description: `The body and the answer of \`mlflow models serve\`. ${NOTICE}`,
    body: { content: { 'application/json': { schema: jsonSchema(invocationsSchema) } } },
    response: { 200: jsonSchema(predictionsSchema), ...refusals() },
  },
  ping: {
    tags,
    summary: 'Does the model answer',
    response: { 200: { content: { 'text/plain': { schema: { type: 'string' } } } }, ...notReady },
  },
  version: {
    tags,
    summary: 'The version of MLflow that the package is written for',
    response: { 200: { content: { 'text/plain': { schema: { type: 'string' } } } }, ...notReady },
  },
} satisfies Record<string, FastifySchema>;

function refusals(): Record<string, object> {
  const byStatus = Map.groupBy(Object.entries(ERROR_CODES), ([, { status }]) => status);
  return Object.fromEntries(
    [...byStatus]
      // 404, 405 belong to other addresses, 499 is never sent: its client is gone.
      .filter(([status]) => ![404, 405, 499].includes(status))
      .map(([status, codes]) => [
        status,
        {
          description: codes
            .map(([code]) => code)
            .toSorted()
            .join(', '),
          content: problem,
        },
      ]),
  );
}
