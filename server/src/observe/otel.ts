/** Traces and metrics by OpenTelemetry. Loaded only where they are asked for: it costs a quarter of a second and 45 MB. */
import {
  type Context,
  type DiagLogger,
  DiagLogLevel,
  type Histogram,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  SpanKind,
  SpanStatusCode,
  type Tracer as OtelTracer,
  diag,
  metrics,
  propagation,
  trace,
} from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { Logger } from 'pino';
import type { Arrival, RequestSpan, Span, Tracer } from './span.ts';

export interface TelemetryOptions {
  /** Hears once a minute at most that what was to be sent could not be. */
  readonly logger: Logger;
  /** The clock of all spans, monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallNow: () => number;
  /** OTEL_*, as OpenTelemetry specifies them; defaults of ours are put in. */
  readonly env: Record<string, string | undefined>;
}

/** Starts the SDK, which reads the rest of its settings from the environment. Nothing is thrown where nobody listens. */
export function startTelemetry({ logger, now, wallNow, env }: TelemetryOptions): Tracer {
  for (const [name, value] of Object.entries(defaultsFor(env))) env[name] ??= value;
  const sdk = new NodeSDK({ logRecordProcessors: [], instrumentations: [] });
  sdk.start();
  diag.setLogger(quietly(logger, now), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const tracer = trace.getTracer('hilum-server');
  const seconds = metrics.getMeter('hilum-server').createHistogram('http.server.request.duration', {
    description: 'Duration of HTTP server requests.',
    unit: 's',
    advice: { explicitBucketBoundaries: SECONDS },
  });
  return {
    arrive: (arrival) => {
      // The wall clock may be set while the server runs; a request is short enough for one difference.
      const sinceEpochMs = wallNow() - now();
      return arrived(arrival, { tracer, seconds, epoch: (atMs) => sinceEpochMs + atMs, now });
    },
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([sdk.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}

// Of the semantic conventions for HTTP metrics.
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const CLOSE_MS = 3_000;

function defaultsFor(env: TelemetryOptions['env']): Record<string, string> {
  const isNamed = /(?:^|,)\s*service\.name=/.test(env['OTEL_RESOURCE_ATTRIBUTES'] ?? '');
  return {
    ...(isNamed ? {} : { OTEL_SERVICE_NAME: 'hilum-server' }),
    // Not `process`: it would send the command line and the user's name.
    OTEL_NODE_RESOURCE_DETECTORS: 'env,serviceinstance',
    // Not baggage: a client may put anything into it.
    OTEL_PROPAGATORS: 'tracecontext',
    OTEL_METRICS_EXPORTER: 'otlp',
  };
}

interface Tools {
  readonly tracer: OtelTracer;
  readonly seconds: Histogram;
  readonly epoch: (atMs: number) => number;
  readonly now: () => number;
}

function arrived({ method, requestId, traceparent, tracestate }: Arrival, tools: Tools): RequestSpan {
  const { tracer, seconds, epoch, now } = tools;
  const headers = {
    ...(traceparent !== undefined && { traceparent }),
    ...(tracestate !== undefined && { tracestate }),
  };
  const parent = propagation.extract(ROOT_CONTEXT, headers);
  const attributes = { 'http.request.method': method, 'hilum.request_id': requestId };
  const options = { kind: SpanKind.SERVER, startTime: epoch(now()), attributes };
  const span = tracer.startSpan(method, options, parent);
  return {
    ...spanOf(span, trace.setSpan(parent, span), tools),
    answered: ({ route, status, code, seconds: took }) => {
      const error = code === 'OK' ? {} : { 'error.type': code };
      const answer = { 'http.route': route, 'http.response.status_code': status, ...error };
      span.updateName(`${method} ${route}`);
      span.setAttributes(answer);
      span.end(epoch(now()));
      seconds.record(took, { 'http.request.method': method, ...answer });
    },
  };
}

function spanOf(span: OtelSpan, context: Context, tools: Tools): Span {
  const { tracer, epoch, now } = tools;
  return {
    traceId: span.spanContext().traceId,
    child: (name, { atMs, attributes = {} } = {}) => {
      const child = tracer.startSpan(name, { startTime: epoch(atMs ?? now()), attributes }, context);
      return spanOf(child, trace.setSpan(context, child), tools);
    },
    set: (attributes) => void span.setAttributes(attributes),
    fail: (code) => void span.setStatus({ code: SpanStatusCode.ERROR, message: code }),
    end: (atMs) => {
      if (span.isRecording()) span.end(epoch(atMs ?? now()));
    },
  };
}

const ignore = (): void => undefined;

/** One line a minute: where nobody listens the SDK complains of each batch. */
function quietly(logger: Logger, now: () => number): DiagLogger {
  let lastAt = Number.NEGATIVE_INFINITY;
  const tell = (message: string): void => {
    if (now() - lastAt < 60_000) return;
    lastAt = now();
    logger.warn({ telemetry: message.slice(0, 300) }, 'traces or metrics could not be sent');
  };
  return { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore };
}
