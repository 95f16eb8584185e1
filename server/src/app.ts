/** The HTTP side of one served model. No port is opened here: tests call `app.inject`. */
import { randomUUID } from 'node:crypto';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { Registry } from 'prom-client';
import { describeAccess } from './access/describe.ts';
import { type AccessParts, installAccess } from './access/install.ts';
import { httpsOptions } from './access/tls.ts';
import { createBadHttp } from './bad-http.ts';
import { createSchedulerMetrics } from './batching/metrics.ts';
import { createScheduler } from './batching/scheduler.ts';
import { classifyRoutes } from './classify/route.ts';
import type { Limits } from './config.ts';
import type { Routes, ServerContext } from './context.ts';
import { explainRoutes } from './explain/route.ts';
import { createGate } from './gate.ts';
import { createEntrance, lengthOf, maxBytesOf } from './http/admission.ts';
import { MOST_UNASKED_BYTES, readBody } from './http/body.ts';
import { answerMethods } from './http/methods.ts';
import { dropSlowReaders } from './http/slow-reader.ts';
import type { Ledger } from './ledger/ledger.ts';
import { type Metrics, createMetrics } from './metrics.ts';
import type { ModelHandle } from './model.ts';
import { createDrift } from './observe/drift.ts';
import { NO_TRACER, type Tracer } from './observe/span.ts';
import { createWitnesses } from './observe/witness.ts';
import { grpcRoutes } from './oip/grpc.ts';
import { oipRoutes } from './oip/route.ts';
import { openapi } from './openapi.ts';
import { operateRoutes } from './operate.ts';
import { watchOutcomes } from './outcome.ts';
import { pageRoutes } from './page/route.ts';
import { scoringRoutes } from './scoring/route.ts';

export interface AppOptions extends AccessParts {
  readonly model: ModelHandle;
  readonly limits: Limits;
  readonly logger: FastifyBaseLogger;
  readonly registry: Registry;
  /** Where each prediction is written down before its answer. */
  readonly ledger?: Ledger | undefined;
  readonly tracer?: Tracer | undefined;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** The page for people at `/`; without it `/` leads to the page of the API. */
  readonly page?: boolean;
}

export interface App {
  readonly app: FastifyInstance;
  readonly metrics: Metrics;
  /** Resolves when no image waits or is inferred. */
  readonly idle: () => Promise<void>;
}

/** In the order of the API page. */
const ROUTES: readonly Routes[] = [
  classifyRoutes,
  explainRoutes,
  oipRoutes,
  grpcRoutes,
  scoringRoutes,
  pageRoutes,
  operateRoutes,
];

export async function buildApp(options: AppOptions): Promise<App> {
  const { model, limits, registry } = options;
  const now = options.now ?? (() => performance.now());
  const date = options.date ?? (() => new Date());
  const badHttp = createBadHttp();
  const timeouts = {
    headersTimeout: limits.bodyTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, limits.bodyTimeoutMs / 4),
  };
  const app: FastifyInstance = fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    // Ours, never the client's: a client may put a patient's number into its header.
    genReqId: () => randomUUID(),
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: limits.bodyTimeoutMs,
    http: timeouts,
    ...httpsOptions(options.tls, timeouts),
    // A connection that is open when we close still gets its answer, and `connection: close`.
    return503OnClosing: false,
    clientErrorHandler: badHttp.answer,
  });
  // Schemas describe; nothing but raw bytes comes in, and what goes out is typed by the same schemas.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: AsyncIterable<Buffer>) =>
    readBody(payload, {
      maxBytes: asks(request) ? maxBytesOf(request.headers, limits) : MOST_UNASKED_BYTES,
      announced: lengthOf(request.headers),
      hold: (bytes) => entrance.hold(request, bytes),
    }),
  );

  const scheduler = createScheduler({
    infer: model.infer,
    facts: () => model.state.model?.engine,
    limit: limits.queue,
    selfCheckEvery: limits.selfCheckEvery,
    now,
    metrics: createSchedulerMetrics(registry),
  });
  const metrics = createMetrics({ registry, queueDepth: () => scheduler.depth });
  const tracer = options.tracer ?? NO_TRACER;
  const asks = (request: FastifyRequest): boolean => entrance.asks(request);
  const outcomes = watchOutcomes(app, { metrics, badHttp, tracer, asks, now });
  const drift = createDrift({
    registry,
    onAbsent: (reason) => app.log.info({ reason }, 'drift is not measured'),
  });
  const witnesses = createWitnesses({ metrics, ledger: options.ledger, drift, now });
  const gate = createGate({ model, scheduler, limits, metrics, witnesses, now });
  const entrance = createEntrance(gate, outcomes, limits);
  const { noteCode, noteFacts } = outcomes;
  const access = await installAccess(app, { ...options, now, date, noteFacts });
  answerMethods(app);
  dropSlowReaders(app, limits.bodyTimeoutMs);
  const context: ServerContext = {
    model,
    gate,
    access,
    entrance,
    limits,
    selfReport: scheduler.selfReport,
    metrics,
    registry,
    noteCode,
    noteFacts,
    tracer,
    now,
    date,
    page: options.page ?? false,
  };

  // A client that keeps its connection would keep us from closing, and would not find another server.
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing || model.state.code === 'SHUTTING_DOWN') reply.header('connection', 'close');
  });

  await app.register(swagger, describeAccess(openapi(), options.access, options.web?.metrics ?? 'open'));
  // Without the bar of Swagger's own, whose address field would load any document.
  const css = [{ filename: 'hilum.css', content: '.swagger-ui .topbar { display: none }' }];
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Hilum: classify', css },
  });

  for (const routes of ROUTES) await routes(app, context);

  await app.ready();
  return { app, metrics, idle: scheduler.idle };
}
