/** What the server counts and times. Base units; every label has few values, none comes from a client. */
import { Counter, Gauge, Histogram, type Registry, collectDefaultMetrics } from 'prom-client';
import type { ServedModel } from './readiness.ts';

// From a head-only toy (1 ms) to a busy core (10 s).
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10];

// Where thresholds lie; the same for every model, so that two can be laid over each other.
const SCORES = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];

export type Stage = 'decode' | 'preprocess' | 'queue' | 'infer' | 'explain' | 'encode';

export interface Metrics {
  readonly requests: Counter<'route' | 'status' | 'code'>;
  readonly requestSeconds: Histogram<'route'>;
  readonly stageSeconds: Readonly<Record<Stage, Histogram>>;
  readonly images: Counter<'format'>;
  readonly warnings: Counter<'code'>;
  readonly refusals: Counter<'code'>;
  readonly answers: Counter<'outcome'>;
  readonly abstentions: Counter<'code'>;
  /** Of the positive label, as the network gave it. */
  readonly scores: Histogram;
  readonly ledgerEntries: Counter;
  readonly inFlight: Gauge;
  readonly setModel: (model: ServedModel | undefined) => void;
}

export interface MetricsOptions {
  readonly registry: Registry;
  readonly queueDepth: () => number;
}

export function createMetrics({ registry, queueDepth }: MetricsOptions): Metrics {
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  // Gauges by the name of counters, which promtool refuses; what they sum up is there by type.
  for (const name of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${name}_total`);
  }
  const histogram = (name: string, help: string): Histogram =>
    new Histogram({ name, help, buckets: SECONDS, registers });
  registry.registerMetric(
    new Gauge({
      name: 'hilum_queue_depth',
      help: 'Images that wait for the inference engine',
      registers: [],
      collect() {
        this.set(queueDepth());
      },
    }),
  );
  const ready = new Gauge({ name: 'hilum_model_ready', help: '1 when images are answered', registers });
  const info = new Gauge({
    name: 'hilum_model_info',
    help: 'The model that answers; the value is 1',
    labelNames: ['name', 'version', 'digest', 'engine', 'precision'],
    registers,
  });
  return {
    requests: new Counter({
      name: 'hilum_requests_total',
      help: 'Requests that ended, by route, status and the code of the answer (OK or an error code)',
      labelNames: ['route', 'status', 'code'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'hilum_request_seconds',
      help: 'From the first byte of a request to the last byte of its answer',
      labelNames: ['route'],
      buckets: SECONDS,
      registers,
    }),
    stageSeconds: {
      decode: histogram('hilum_decode_seconds', 'Image bytes to pixels'),
      preprocess: histogram('hilum_preprocess_seconds', 'Pixels to the input tensor of the network'),
      queue: histogram('hilum_queue_seconds', 'Wait for the inference engine'),
      infer: histogram('hilum_infer_seconds', 'Input tensor to probabilities'),
      explain: histogram('hilum_explain_seconds', 'Activations to a heat map'),
      encode: histogram('hilum_encode_seconds', 'Answer to the bytes that are sent'),
    },
    images: new Counter({
      name: 'hilum_images_total',
      help: 'Images decoded, by format',
      labelNames: ['format'],
      registers,
    }),
    warnings: new Counter({
      name: 'hilum_warnings_total',
      help: 'Warnings given with an answer, by code',
      labelNames: ['code'],
      registers,
    }),
    refusals: new Counter({
      name: 'hilum_refusals_total',
      help: 'Requests for an answer of the model that got none, by error code',
      labelNames: ['code'],
      registers,
    }),
    answers: new Counter({
      name: 'hilum_answers_total',
      help: 'Images and series labelled, by outcome: classified or abstained',
      labelNames: ['outcome'],
      registers,
    }),
    abstentions: new Counter({
      name: 'hilum_abstentions_total',
      help: 'Answers that the model does not stand by, by reason',
      labelNames: ['code'],
      registers,
    }),
    scores: new Histogram({
      name: 'hilum_score_ratio',
      help: 'Probability of the positive label, of each image, as the network gave it',
      buckets: SCORES,
      registers,
    }),
    ledgerEntries: new Counter({
      name: 'hilum_ledger_entries_total',
      help: 'Entries written into the ledger; 0 where there is none',
      registers,
    }),
    inFlight: new Gauge({
      name: 'hilum_requests_in_flight',
      help: 'Classification requests that hold memory: being read, decoded, waiting or inferred',
      registers,
    }),
    setModel(model) {
      ready.set(model === undefined ? 0 : 1);
      info.reset();
      if (model === undefined) return;
      const {
        name,
        version,
        info: { digest },
        engine: { engine, precision },
      } = model;
      info.set({ name, version: version ?? '', digest, engine, precision }, 1);
    },
  };
}
