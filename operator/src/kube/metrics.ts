/** What the runtime counts and times, in a Prometheus registry. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Queue } from './queue.ts';
import type { Store } from './store.ts';
import type { KubeObject } from './object.ts';
import type { Call } from './transport.ts';

export interface Metrics {
  readonly registry: Registry;
  /** Give it to `createTransport` as `onCall`. */
  called(call: Call): void;
  watchQueue(controller: string, queue: Queue): void;
  /** Give it to `createQueue` as `onTaken`. */
  waited(controller: string, ms: number): void;
  reconciled(controller: string, result: string, seconds: number): void;
  watchStore(resource: string, store: Store<KubeObject>): void;
  leading(is: boolean): void;
}

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300];

/** `prefix` begins every name: `example_operator_`. */
export function createMetrics(prefix: string): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const queues = new Map<string, Queue>();
  const stores = new Map<string, Store<KubeObject>>();
  const calls = new Counter({
    name: `${prefix}api_calls_total`,
    help: 'Calls to the API server by method and HTTP status code; code 0 is no answer',
    labelNames: ['method', 'code'],
    registers,
  });
  const reconciles = new Histogram({
    name: `${prefix}reconcile_seconds`,
    help: 'Duration of reconciles by result: ok, requeued, conflict, error, stopped',
    labelNames: ['controller', 'result'],
    buckets: SECONDS,
    registers,
  });
  const waits = new Histogram({
    name: `${prefix}queue_wait_seconds`,
    help: 'Time from a key being ready to a worker taking it',
    labelNames: ['controller'],
    buckets: SECONDS,
    registers,
  });
  const leader = new Gauge({
    name: `${prefix}leader`,
    help: '1 while this process leads',
    registers,
  });
  registry.registerMetric(queueDepth(prefix, queues));
  registry.registerMetric(watchAge(prefix, stores));

  return {
    registry,
    called: ({ method, status }) => calls.inc({ method, code: String(status) }),
    watchQueue: (controller, queue) => {
      queues.set(controller, queue);
    },
    waited: (controller, ms) => waits.observe({ controller }, ms / 1000),
    reconciled: (controller, result, seconds) => reconciles.observe({ controller, result }, seconds),
    watchStore: (resource, store) => {
      stores.set(resource, store);
    },
    leading: (is) => leader.set(is ? 1 : 0),
  };
}

// The two below are read when a scrape asks for them.

function queueDepth(prefix: string, queues: ReadonlyMap<string, Queue>): Gauge {
  return new Gauge({
    name: `${prefix}queue_depth`,
    help: 'Keys that wait for a worker',
    labelNames: ['controller'],
    registers: [],
    collect() {
      for (const [controller, queue] of queues) this.set({ controller }, queue.depth);
    },
  });
}

function watchAge(prefix: string, stores: ReadonlyMap<string, Store<KubeObject>>): Gauge {
  return new Gauge({
    name: `${prefix}watch_age_seconds`,
    help: 'Time since the API server last sent anything for a watched collection, bookmarks included',
    labelNames: ['resource'],
    registers: [],
    collect() {
      for (const [resource, store] of stores) this.set({ resource }, store.lastEventAgeMs() / 1000);
    },
  });
}
