/** `POST /v1/explain`: the bytes of one image in; its answer, and where in the image it comes from, out. */
import { newUid, tensorRegion } from '@hilum/imaging';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Desk, scoreImage } from '../classify/image.ts';
import { readUpload } from '../classify/upload.ts';
import type { Routes, ServerContext } from '../context.ts';
import { ServerError } from '../errors.ts';
import type { Job } from '../gate.ts';
import { negotiate } from '../http/accept.ts';
import type { Facts } from '../observe/witness.ts';
import { type ExplainAsk, readAsk } from './ask.ts';
import { createBudget } from './budget.ts';
import { explain, headOf, labelIndex } from './explain.ts';
import { PICTURE_FORMS, SLICE_FORMS, type Shown, formOf } from './forms.ts';
import { explainRouteSchema } from './schema.ts';

export const explainRoutes: Routes = (app, context) => {
  const { entrance, limits } = context;
  const budget = createBudget(limits.explanations);
  app.post('/v1/explain', {
    schema: explainRouteSchema,
    onRequest: async (request, reply) => {
      // What can be refused is, before a byte of the body is read.
      negotiate(request.headers.accept, SLICE_FORMS);
      readAsk(request.query);
      const leave = budget.enter();
      reply.raw.once('close', leave);
      await entrance.admit(request, reply);
    },
    handler: async (request, reply) =>
      entrance.run(request, { images: 1 }, async (job) => answer(request, reply, job, context)),
  });
  app.route({
    method: ['GET', 'PUT', 'PATCH', 'DELETE'],
    url: '/v1/explain',
    schema: { hide: true },
    handler: async (_request, reply) => {
      reply.header('allow', 'POST');
      throw new ServerError(
        'METHOD_NOT_ALLOWED',
        'send the image with POST: curl --data-binary @slice.dcm -o heat.png URL',
      );
    },
  });
};

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  job: Job,
  { limits, metrics, noteFacts, date }: ServerContext,
): Promise<FastifyReply> {
  const ask = readAsk(request.query);
  const desk = { metrics, note: (facts: Facts) => noteFacts(request, facts) };
  const upload = await readUpload(request, limits.maxSeriesBytes);
  if (upload.kind === 'files')
    throw new ServerError('MULTIPART_INVALID', 'one image can be explained at a time');
  const shown = { ...(await shownOf(upload.bytes, ask, job, desk)), stamp: { now: date(), uid: newUid } };
  const forms = shown.image.source === 'dicom' ? SLICE_FORMS : PICTURE_FORMS;
  const why = 'Only a DICOM slice can be answered with DICOM objects: they belong to its study.';
  const wanted = negotiate(request.headers.accept, forms, why);
  const { value: form } = await job.timed('encode', () => formOf(wanted, shown));
  return reply
    .headers({ ...form.headers, 'cache-control': 'no-store', vary: 'accept' })
    .type(form.type)
    .send(form.body);
}

async function shownOf(
  bytes: Uint8Array,
  ask: ExplainAsk,
  job: Job,
  desk: Desk,
): Promise<Omit<Shown, 'stamp'>> {
  const { served, signal } = job;
  // Both refuse before the engine has worked.
  await headOf(served.info);
  labelIndex(served.info, ask.label ?? served.info.positiveLabel);
  const { image, seen, inferred, classification } = await scoreImage(bytes, job, desk, { activations: true });
  signal.throwIfAborted();
  const explained = await explain(job, inferred, ask.label);
  const region = tensorRegion(image, served.info.contract, seen);
  return { ask, served, classification, explained, image, bytes, region, signal };
}
