/** `POST /v1/classify`: one image or one series in, one answer out, as JSON or as a DICOM report. */
import { randomUUID } from 'node:crypto';
import { ImagingError, readFacts } from '@hilum/imaging';
import type { Classification } from '@hilum/wire';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Routes, ServerContext } from '../context.ts';
import { ServerError } from '../errors.ts';
import type { Job } from '../gate.ts';
import { DICOM_PARTS_TYPE, DICOM_TYPE, JSON_TYPE, negotiate } from '../http/accept.ts';
import { relatedDicom } from '../http/related.ts';
import { routeSchemas } from '../openapi.ts';
import { type Study, reportOf } from './dicom.ts';
import { type Desk, classifyImage } from './image.ts';
import { classifySeries, windowOf } from './series.ts';
import { type Upload, isDicom, readUpload } from './upload.ts';

export const classifyRoutes: Routes = (app, context) => {
  const { entrance } = context;
  app.post('/v1/classify', {
    schema: routeSchemas.classify,
    onRequest: async (request, reply) => {
      // Before the body is read: a client that can take no answer need not send it.
      negotiate(request.headers.accept, FORMS);
      await entrance.admit(request, reply);
    },
    handler: async (request, reply) => classify(request, reply, context),
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

const FORMS = [JSON_TYPE, DICOM_TYPE, DICOM_PARTS_TYPE] as const;

async function classify(
  request: FastifyRequest,
  reply: FastifyReply,
  { entrance, gate, limits, metrics, noteFacts, date }: ServerContext,
): Promise<unknown> {
  const upload = await readUpload(request, limits.maxSeriesBytes);
  const form = formOf(request.headers.accept, upload);
  const desk: Desk = { metrics, note: (facts) => noteFacts(request, facts) };
  const isSeries = upload.kind === 'files';
  const images = isSeries ? windowOf(gate.served(), limits.queue) : 1;
  const said = await entrance.run(request, { images, isSeries }, async (job) => {
    const { answer, study } = await answerTo(upload, images, job, desk);
    if (form === JSON_TYPE) return answer;
    const { value } = await job.timed('encode', async () => reportOf(answer, await study(), date()));
    return value;
  });
  reply.header('vary', 'accept');
  if (!(said instanceof Uint8Array)) return said;
  const { type, body } =
    form === DICOM_TYPE ? { type: DICOM_TYPE, body: Buffer.from(said) } : relatedDicom([said], randomUUID());
  return reply.type(type).send(body);
}

interface Answered {
  readonly answer: Classification;
  /** Asked only of DICOM. */
  readonly study: () => Promise<Study>;
}

async function answerTo(upload: Upload, window: number, job: Job, desk: Desk): Promise<Answered> {
  if (upload.kind === 'files') return seriesAnswer(upload.files, window, job, desk);
  const { bytes, name } = upload;
  try {
    return { answer: await classifyImage(bytes, job, desk), study: async () => studyOf(bytes, job.signal) };
  } catch (error) {
    // One file of many frames is a series, and that is known only once it is opened.
    if (!(error instanceof ImagingError) || error.code !== 'SEVERAL_FRAMES') throw error;
    return seriesAnswer([{ name, read: async () => bytes }], window, job, desk);
  }
}

async function seriesAnswer(...args: Parameters<typeof classifySeries>): Promise<Answered> {
  const { answer, evidence, deciding, readDeciding } = await classifySeries(...args);
  return { answer, study: async () => ({ evidence, deciding, file: await readDeciding() }) };
}

async function studyOf(file: Uint8Array, signal: AbortSignal): Promise<Study> {
  const [facts] = await readFacts(file, { signal });
  if (facts === undefined) throw new ImagingError('CORRUPT');
  return { evidence: [facts], deciding: facts, file };
}

/** Before any work: a client that takes JSON as well gets that where there is no study. */
function formOf(accept: string | undefined, upload: Upload): (typeof FORMS)[number] {
  if (upload.kind === 'files' || isDicom(upload.bytes)) return negotiate(accept, FORMS);
  const why = 'What is no DICOM file names no patient and no study that a DICOM report could be of.';
  return negotiate(accept, [JSON_TYPE], why);
}
