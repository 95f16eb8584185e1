/** What the queue in front of the engine counts. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { LatencyFit } from './latency.ts';

/** Where an image's way through the queue ended without an answer. */
type QueueRefusal = 'full' | 'deadline' | 'late' | 'left';

export interface SchedulerMetrics {
  /** A batch of so many images was answered. */
  readonly batch: (images: number) => void;
  readonly refused: (reason: QueueRefusal) => void;
  readonly selfCheck: (result: 'same' | 'differs' | 'failed', largestDifference: number) => void;
  /** Once: what is read when somebody asks. */
  readonly watch: (queue: { readonly fit: LatencyFit; readonly limit: number }) => void;
}

export const NO_METRICS: SchedulerMetrics = {
  batch: () => undefined,
  refused: () => undefined,
  selfCheck: () => undefined,
  watch: () => undefined,
};

export function createSchedulerMetrics(registry: Registry): SchedulerMetrics {
  const registers = [registry];
  const batches = new Histogram({
    name: 'hilum_batch_images',
    help: 'Images that the engine computed together',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers,
  });
  const refused = new Counter({
    name: 'hilum_queue_refused_total',
    help: 'Ends in the queue without an answer: full or deadline before anything was done, late at the turn, left by the client or its deadline',
    labelNames: ['reason'],
    registers,
  });
  const checks = new Counter({
    name: 'hilum_self_check_total',
    help: 'Batched images that were computed again alone, by whether the answer was the same within 1e-5',
    labelNames: ['result'],
    registers,
  });
  const difference = new Gauge({
    name: 'hilum_self_check_difference',
    help: 'Largest difference of a probability between batched and alone since the start',
    registers,
  });
  for (const reason of ['full', 'deadline', 'late', 'left'] as const) refused.inc({ reason }, 0);
  for (const result of ['same', 'differs', 'failed'] as const) checks.inc({ result }, 0);
  return {
    batch: (images) => batches.observe(images),
    refused: (reason) => refused.inc({ reason }),
    selfCheck: (result, largest) => {
      checks.inc({ result });
      if (Number.isFinite(largest)) difference.set(largest);
    },
    watch: ({ fit, limit }) => {
      gauge(registry, 'hilum_queue_limit', 'Images that may wait for the inference engine', () => limit);
      gauge(
        registry,
        'hilum_batch_fixed_seconds',
        'Fitted time of a batch, however many images it has',
        () => fit.fixedMs / 1000,
      );
      gauge(
        registry,
        'hilum_batch_image_seconds',
        'Fitted time of one more image in a batch',
        () => fit.perImageMs / 1000,
      );
    },
  };
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  const made = new Gauge({
    name,
    help,
    registers: [],
    collect() {
      this.set(read());
    },
  });
  registry.registerMetric(made);
}
