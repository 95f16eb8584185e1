/** `POST /v1/classify`: the bytes of one image in, a labelled answer out. */
import { type Image, checkDomain, decodeImage, toTensor } from '@hilum/imaging';
import type { FastifyRequest } from 'fastify';
import type { Routes } from '../context.ts';
import { ServerError } from '../errors.ts';
import type { Job } from '../gate.ts';
import { bodyOf } from '../http/admission.ts';
import type { Metrics } from '../metrics.ts';
import { routeSchemas } from '../openapi.ts';
import type { ServedModel } from '../readiness.ts';
import { type Classification, NOTICE } from '@hilum/wire';

export const classifyRoutes: Routes = (app, { entrance, metrics }) => {
  app.post('/v1/classify', {
    schema: routeSchemas.classify,
    onRequest: entrance.admit,
    handler: async (request) =>
      entrance.run(request, { images: 1 }, async (job) => classify(request, job, metrics)),
  });
  app.route({
    method: ['GET', 'PUT', 'PATCH', 'DELETE'],
    url: '/v1/classify',
    schema: { hide: true },
    handler: async (_request, reply) => {
      reply.header('allow', 'POST');
      throw new ServerError(
        'METHOD_NOT_ALLOWED',
        'send the image with POST: curl --data-binary @slice.dcm URL',
      );
    },
  });
};

async function classify(request: FastifyRequest, job: Job, metrics: Metrics): Promise<Classification> {
  const { served, signal } = job;
  const bytes = await imageBytes(request);
  const decoded = await job.timed('decode', () => decodeImage(bytes, { signal }));
  signal.throwIfAborted();
  const image = decoded.value;
  metrics.images.inc({ format: image.source });
  const prepared = await job.timed('preprocess', () => {
    const seen = checkDomain(image, served.info.contract);
    return toTensor(image, served.info.contract, seen);
  });
  const { tensor, warnings } = prepared.value;
  const answer = await job.infer(tensor);
  for (const { code } of warnings) metrics.warnings.inc({ code });

  const timings = {
    decodeMs: hundredths(decoded.ms),
    preprocessMs: hundredths(prepared.ms),
    queueMs: hundredths(answer.waitedMs),
    inferMs: hundredths(answer.inferMs),
    totalMs: hundredths(job.elapsedMs()),
  };
  const shape = imageOf(image);
  // No label and no probability: a log is read by people who may not see results.
  request.log.info({ code: 'OK', ...shape, digest: served.info.digest, ...timings }, 'image classified');
  const said = verdict(answer.probabilities, served);
  const { engine, precision } = served.engine;
  return {
    outcome: 'classified',
    ...said,
    positive: { ...said.positive, called: null },
    decision: {
      level: 'image',
      raw: said.probabilities,
      temperature: null,
      operatingPoint: null,
      conformal: null,
    },
    abstention: null,
    series: null,
    engine: { engine, precision },
    model: { name: served.name, version: served.version, digest: served.info.digest },
    contract: served.contract,
    image: shape,
    warnings: warnings.map(({ code, message }) => ({ code, message })),
    timings,
    requestId: request.id,
    notice: NOTICE,
  };
}

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}

/** The image of a raw body, or of the one file of a form. What the type header says of the image is not trusted. */
async function imageBytes(request: FastifyRequest): Promise<Uint8Array> {
  const body = bodyOf(request);
  const type = request.headers['content-type'] ?? '';
  if (!type.toLowerCase().startsWith('multipart/form-data')) return body;
  // The platform's own parser works on a body that is whole and bounded already: no dependency is needed for this.
  const form = await new Response(body as Uint8Array<ArrayBuffer>, { headers: { 'content-type': type } })
    .formData()
    .catch((cause: unknown) => {
      throw new ServerError('MULTIPART_INVALID', undefined, { cause });
    });
  const files = [...form.values()].filter((value) => value instanceof Blob);
  const [file] = files;
  if (file === undefined || files.length > 1) {
    throw new ServerError('MULTIPART_INVALID', `the form holds ${files.length} files, not one`);
  }
  if (file.size === 0) throw new ServerError('BODY_EMPTY');
  return new Uint8Array(await file.arrayBuffer());
}

function imageOf(image: Image): Classification['image'] {
  return { format: image.source, rows: image.rows, columns: image.columns };
}

function verdict(
  values: Float32Array,
  { info }: ServedModel,
): Pick<Classification, 'label' | 'probability' | 'probabilities'> & {
  readonly positive: Omit<Classification['positive'], 'called'>;
} {
  const pairs = info.labels.map((label, index) => [label, values[index] ?? Number.NaN] as const);
  const probabilities = Object.fromEntries(pairs);
  // NaN compares false with everything; a net that overflowed must not become an answer.
  if (!pairs.every(([, p]) => p >= 0 && p <= 1)) {
    throw new ServerError('ENGINE_FAILED', 'the model answered with something that is no probability');
  }
  const [label, probability] = pairs.reduce((best, pair) => (pair[1] > best[1] ? pair : best));
  const positive = { label: info.positiveLabel, probability: probabilities[info.positiveLabel] ?? 0 };
  return { label, probability, probabilities, positive };
}
