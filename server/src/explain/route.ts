/** `POST /v1/explain`: one image or one series in; its answer, and where in the image it comes from, out. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Desk } from '../classify/image.ts';
import { windowOf } from '../classify/series.ts';
import { type Upload, isDicom, readUpload } from '../classify/upload.ts';
import type { Routes, ServerContext } from '../context.ts';
import { ServerError } from '../errors.ts';
import { negotiate } from '../http/accept.ts';
import { readAsk } from './ask.ts';
import { createBudget } from './budget.ts';
import { explain, headOf, labelIndex } from './explain.ts';
import { type FormType, PICTURE_FORMS, SLICE_FORMS, type Shown, formOf } from './forms.ts';
import { explainRouteSchema } from './schema.ts';
import { subjectOf } from './subject.ts';

export const explainRoutes: Routes = (app, context) => {
  const { entrance, limits } = context;
  // As a server that knows of none: a code that says "later" would be asked again for ever.
  if (limits.explanations === 0) return;
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
    handler: async (request, reply) => answer(request, reply, context),
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
  { entrance, gate, limits, metrics, noteFacts, date }: ServerContext,
): Promise<FastifyReply> {
  const ask = readAsk(request.query);
  const upload = await readUpload(request, limits.maxSeriesBytes);
  const wanted = wantedForm(request.headers.accept, upload);
  const isSeries = upload.kind === 'files';
  const images = isSeries ? windowOf(gate.served(), limits.queue) : 1;
  const desk: Desk = { metrics, note: (facts) => noteFacts(request, facts) };
  const form = await entrance.run(request, { images, isSeries }, async (job) => {
    const { served, signal } = job;
    // Both refuse before the engine has worked.
    await headOf(served);
    labelIndex(served.info, ask.label ?? served.info.positiveLabel);
    const subject = await subjectOf(upload, images, job, desk);
    signal.throwIfAborted();
    const explained = await explain(job, subject.inferred, ask.label);
    const shown: Shown = { ...subject, ask, served, explained, now: date() };
    return (await job.timed('encode', () => formOf(wanted, shown))).value;
  });
  return reply
    .headers({ ...form.headers, 'cache-control': 'no-store', vary: 'accept' })
    .type(form.type)
    .send(form.body);
}

/** Before any work: a client that takes a picture as well gets that where there is no study. */
function wantedForm(accept: string | undefined, upload: Upload): FormType {
  if (upload.kind === 'files' || isDicom(upload.bytes)) return negotiate(accept, SLICE_FORMS);
  const why = 'What is no DICOM file names no patient and no study that DICOM objects could be of.';
  return negotiate(accept, PICTURE_FORMS, why);
}
