/** `POST /v1/classify`: the bytes of one image in, a labelled answer out. */
import { type Image, checkDomain, decodeImage, toTensor } from '@hilum/imaging';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Limits } from './config.ts';
import { ServerError } from './errors.ts';
import type { Lane, Place } from './lane.ts';
import type { Metrics, Stage } from './metrics.ts';
import type { ModelHandle } from './model.ts';
import type { ServedModel } from './readiness.ts';
import { type Classification, NOTICE } from './schemas.ts';

export interface ClassifyOptions {
  readonly model: ModelHandle;
  readonly lane: Lane;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly now: () => number;
}

/** The two halves of the route: whether to read the body at all, and what to do with it. */
export interface ClassifyRoute {
  readonly admit: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => Promise<Classification>;
}

export function createClassify(options: ClassifyOptions): ClassifyRoute {
  const { model, lane, limits, metrics } = options;
  let inFlight = 0;

  return {
    // Before a byte of the body is read, so that overload costs nothing.
    admit: async (request, reply) => {
      servedModel(model);
      const encoding = request.headers['content-encoding'];
      if (encoding !== undefined && encoding !== 'identity')
        throw new ServerError('CONTENT_ENCODING_UNSUPPORTED');
      const announced = Number(request.headers['content-length'] ?? 0);
      if (announced > limits.maxBodyBytes) throw tooLarge(limits);
      if (inFlight >= limits.inFlight) {
        throw new ServerError('QUEUE_FULL', `${inFlight} requests are in flight`, { retryAfterSeconds: 1 });
      }
      lane.assertRoom();
      inFlight += 1;
      metrics.inFlight.set(inFlight);
      reply.raw.once('close', () => {
        inFlight -= 1;
        metrics.inFlight.set(inFlight);
      });
    },
    handle: async (request, reply) => {
      const end = new AbortController();
      const gone = (): void => end.abort(new ServerError('CLIENT_GONE'));
      const late = setTimeout(() => {
        end.abort(new ServerError('DEADLINE_EXCEEDED', `no answer within ${limits.deadlineMs} ms`));
      }, limits.deadlineMs);
      reply.raw.once('close', gone);
      let place: Place | undefined;
      try {
        place = lane.enter();
        return await classify(request, options, place, end.signal);
      } catch (error) {
        // What was abandoned half-way may fail in its own words; the reason is ours.
        throw end.signal.aborted ? end.signal.reason : error;
      } finally {
        place?.leave();
        clearTimeout(late);
        reply.raw.off('close', gone);
      }
    },
  };
}

export function tooLarge({ maxBodyBytes }: Limits): ServerError {
  return new ServerError('BODY_TOO_LARGE', `the body is larger than ${maxBodyBytes} bytes`);
}

async function classify(
  request: FastifyRequest,
  { model, metrics, now }: ClassifyOptions,
  place: Place,
  signal: AbortSignal,
): Promise<Classification> {
  const startedAt = now();
  const timed = async <T>(stage: Stage, work: () => T | Promise<T>): Promise<{ value: T; ms: number }> => {
    const from = now();
    const value = await work();
    const ms = now() - from;
    metrics.stageSeconds[stage].observe(ms / 1000);
    return { value, ms };
  };

  const bytes = await imageBytes(request);
  const served = servedModel(model);
  const decoded = await timed('decode', () => decodeImage(bytes, { signal }));
  signal.throwIfAborted();
  const image = decoded.value;
  metrics.images.inc({ format: image.source });
  const prepared = await timed('preprocess', () => {
    const seen = checkDomain(image, served.info.contract);
    return toTensor(image, served.info.contract, seen);
  });
  const { tensor, warnings } = prepared.value;
  const { value: answer, waitedMs } = await place.run(() => model.infer(tensor), signal);
  metrics.stageSeconds.queue.observe(waitedMs / 1000);
  metrics.stageSeconds.infer.observe(answer.inferMs / 1000);
  for (const { code } of warnings) metrics.warnings.inc({ code });

  const timings = {
    decodeMs: hundredths(decoded.ms),
    preprocessMs: hundredths(prepared.ms),
    queueMs: hundredths(waitedMs),
    inferMs: hundredths(answer.inferMs),
    totalMs: hundredths(now() - startedAt),
  };
  const shape = imageOf(image);
  // No label and no probability: a log is read by people who may not see results.
  request.log.info({ code: 'OK', ...shape, digest: served.info.digest, ...timings }, 'image classified');
  return {
    ...verdict(answer.probabilities, served),
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

/** The model, or the refusal of a request while there is none. */
function servedModel({ state }: ModelHandle): ServedModel {
  if (state.model !== undefined) return state.model;
  const code = state.code === 'SHUTTING_DOWN' ? 'SHUTTING_DOWN' : 'MODEL_NOT_READY';
  throw new ServerError(code, `${state.code}: ${state.message}`, { retryAfterSeconds: 5 });
}

/** The image of a raw body, or of the one file of a form. What the type header says of the image is not trusted. */
async function imageBytes(request: FastifyRequest): Promise<Uint8Array> {
  const { body } = request;
  if (body instanceof ServerError) throw body;
  if (!(body instanceof Uint8Array) || body.byteLength === 0) throw new ServerError('BODY_EMPTY');
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
): Pick<Classification, 'label' | 'probability' | 'probabilities' | 'positive'> {
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
