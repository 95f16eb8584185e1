/** MLflow's scoring protocol, as `mlflow models serve` speaks it for a Hilum package: a client needs no change. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invocationsSchema } from '@hilum/wire';
import type { FastifyRequest } from 'fastify';
import type { Routes, ServerContext } from '../context.ts';
import { ServerError } from '../errors.ts';
import { bodyOf } from '../http/admission.ts';
import { readAsk } from '../oip/ask.ts';
import { infer, roomFor } from '../oip/infer.ts';
import { parseAs, parseJson } from '../oip/json.ts';
import { TENSORS, assertReady } from '../oip/model.ts';
import type { ServedModel } from '../readiness.ts';
import { scoringSchemas } from './schema.ts';

export const scoringRoutes: Routes = (app, context) => {
  const { model, gate, entrance } = context;
  app.post('/invocations', {
    schema: scoringSchemas.invocations,
    onRequest: entrance.admit,
    handler: async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return score(request, context);
    },
  });
  for (const url of ['/ping', '/health'] as const) {
    app.get(url, { schema: scoringSchemas.ping }, async (_request, reply) => {
      assertReady(model.state);
      // What MLflow says when all is well; it calls that JSON, which it is not.
      return reply.type('text/plain; charset=utf-8').send('\n');
    });
  }
  app.get('/version', { schema: scoringSchemas.version }, async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send(await mlflowVersion(gate.served())),
  );
};

const TABLES = ['dataframe_split', 'dataframe_records'];

async function score(request: FastifyRequest, { gate, entrance, metrics }: ServerContext): Promise<unknown> {
  assertJson(request.headers['content-type']);
  const sent = parseAs(invocationsSchema, parseJson(bodyOf(request)));
  const served = gate.served();
  const { inputSize } = served.info.contract;
  const rows = rowsOf(sent);
  const ask = readAsk(
    {
      inputs: [
        {
          name: TENSORS.image,
          datatype: 'FP32',
          shape: [rows.length, inputSize, inputSize, 3],
          contents: { kind: 'json', data: rows },
        },
      ],
      outputs: [TENSORS.probabilities],
    },
    served,
  );
  const place = { images: roomFor(ask.images.length, served) };
  const [output] = await entrance.run(request, place, async (job) => infer(job, ask, metrics));
  const width = served.info.labels.length;
  const values = output?.values ?? new Float32Array();
  const probabilities = ask.images.map((_, row) =>
    Array.from(values.subarray(row * width, (row + 1) * width)),
  );
  return { predictions: { probabilities } };
}

/** The tensor under the one key that the body must have. */
function rowsOf(sent: Readonly<Record<string, unknown>>): unknown[] {
  const keys = ['inputs', 'instances', ...TABLES].filter((key) => sent[key] !== undefined);
  const table = keys.find((key) => TABLES.includes(key));
  if (table !== undefined) {
    throw new ServerError(
      'SCORING_INPUT_INVALID',
      `${table} is a table; the input of this model is a tensor`,
    );
  }
  const [key] = keys;
  if (key === undefined || keys.length > 1) {
    throw new ServerError('SCORING_INPUT_INVALID', 'the body has exactly one of inputs and instances');
  }
  const rows = sent[key];
  if (!Array.isArray(rows) || rows.length === 0 || !Array.isArray(rows[0])) {
    throw new ServerError('SCORING_INPUT_INVALID', `${key} is no nested array [n, s, s, 3]`);
  }
  return rows;
}

function assertJson(contentType = ''): void {
  const [type = '', ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  if (type === 'text/csv') {
    throw new ServerError(
      'CONTENT_TYPE_INVALID',
      'a table in CSV cannot hold the input of this model, which is a tensor: send application/json',
    );
  }
  const isUtf8 = parameters.every((parameter) => /^charset="?utf-8"?$/.test(parameter));
  if (type !== 'application/json' || !isUtf8) {
    throw new ServerError('CONTENT_TYPE_INVALID', 'send application/json, in UTF-8');
  }
}

/** The version of MLflow that the package is written for, as a client of MLflow's server expects one. */
async function mlflowVersion({ info }: ServedModel): Promise<string> {
  const text = await readFile(join(info.dir, 'MLmodel'), 'utf8');
  return /^mlflow_version: '?([\w.+-]+)'?$/m.exec(text)?.[1] ?? '';
}
