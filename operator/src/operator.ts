/** The operator, put together: watches, pollers, two controllers, election, health. */
import type { KubeConfig } from '@kubernetes/client-node';
import { createActor } from './act.ts';
import type { OperatorConfig } from './config.ts';
import { createDeploymentReconcile } from './deployment/controller.ts';
import {
  createController,
  createElector,
  createHealth,
  createMetrics,
  createQueue,
  createRecorder,
  createTransport,
  runManager,
  type Check,
  type Clock,
  type Elector,
  type KubeObject,
  type Log,
  type Queue,
  type Store,
} from './kube/index.ts';
import { createNewest } from './newest.ts';
import { createPoller, type Poller } from './poller.ts';
import { createMlflowAccess } from './tracking.ts';
import { createTrainingReconcile } from './training/controller.ts';
import { createWatches } from './watches.ts';

export interface OperatorOptions {
  readonly config: OperatorConfig;
  readonly kubeConfig: KubeConfig;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Aborts to end it in order, as on SIGTERM. */
  readonly stop: AbortSignal;
  /** Told of the port of the health server. */
  readonly onListening?: (port: number) => void;
}

const LEASE_NAME = 'hilum-operator';
/** The API server sends a bookmark each minute; a watch that is silent for much longer shows an old world. */
const STALE_MS = 240_000;

/** Runs until stopped, or until leadership is lost, on which the process must exit at once. */
export async function runOperator(options: OperatorOptions): Promise<'stopped' | 'lost'> {
  const { config, clock, random, log, stop } = options;
  // Outlives `stop`, since the drain still needs the API server.
  const end = new AbortController();
  const metrics = createMetrics('hilum_operator_');
  const transport = createTransport({
    kubeConfig: options.kubeConfig,
    clock,
    signal: end.signal,
    qps: config.kubeQps,
    burst: config.kubeQps * 2,
    userAgent: 'hilum-operator',
    onCall: (call) => metrics.called(call),
  });
  const queueOf = (name: string): Queue => createQueue({ clock, onTaken: (ms) => metrics.waited(name, ms) });
  const training = queueOf('trainingrun');
  const deployment = queueOf('modeldeployment');
  const { stores, reflectors } = createWatches({
    transport,
    namespaces: config.watchNamespaces,
    clock,
    random,
    signal: end.signal,
    metrics,
    onTrainingRun: (key) => training.add(key),
    onModelDeployment: (key) => deployment.add(key),
    onProblem: (resource, err) => log.warn({ resource, err }, 'the watch failed, it will be opened again'),
  });
  const mlflow = createMlflowAccess(config, () => clock.now());
  const pollerOf = <Q, A>(
    fetch: (question: Q, signal: AbortSignal) => Promise<A>,
    queue: Queue,
  ): Poller<Q, A> => createPoller({ fetch, clock, signal: end.signal, onAnswer: (key) => queue.add(key) });
  const recorder = createRecorder({
    transport,
    clock,
    controller: 'hilum.dev/operator',
    instance: config.podName,
    onProblem: (err) => log.warn({ err }, 'an event could not be recorded'),
  });
  const actor = createActor({
    transport,
    recorder,
    onEvent: ({ kind, metadata }, { type, reason, message }) => {
      const fields = { kind, namespace: metadata.namespace, name: metadata.name, reason };
      log[type === 'Warning' ? 'warn' : 'info'](fields, message);
    },
  });
  const reconcileRun = createTrainingReconcile({
    ...stores,
    transport,
    actor,
    clock,
    newest: createNewest(),
    tracked: pollerOf((question, signal) => mlflow.trackedRun(question, signal), training),
    closing: pollerOf((question, signal) => mlflow.closeRun(question, signal), training),
    defaults: config,
  });
  const reconcileDeployment = createDeploymentReconcile({
    ...stores,
    actor,
    clock,
    random,
    newest: createNewest(),
    resolved: pollerOf((question, signal) => mlflow.resolveModel(question, signal), deployment),
    defaults: config,
  });
  const { workers } = config;
  const controllers = [
    createController({
      name: 'trainingrun',
      queue: training,
      workers,
      reconcile: reconcileRun,
      clock,
      log,
      metrics,
    }),
    createController({
      name: 'modeldeployment',
      queue: deployment,
      workers,
      reconcile: reconcileDeployment,
      clock,
      log,
      metrics,
    }),
  ];
  const health = createHealth({ registry: metrics.registry, ready: readiness(stores) });
  const port = await health.listen(config.healthPort, '0.0.0.0');
  options.onListening?.(port);
  log.info({ port, namespaces: config.watchNamespaces, mlflow: config.mlflowUri }, 'started');
  try {
    const elector = config.leaderElection
      ? createElector({
          transport,
          clock,
          random,
          namespace: config.podNamespace,
          name: LEASE_NAME,
          identity: `${config.podName}_${Math.floor(random() * 2 ** 32).toString(16)}`,
          onLeading: (leading) => metrics.leading(leading),
          onProblem: (err) => log.warn({ err }, 'the lease could not be taken or renewed'),
        })
      : ALONE;
    const list = Object.values(stores);
    const result = await runManager({ reflectors, stores: list, controllers, elector, clock, log, stop });
    if (result === 'stopped') await recorder.flush();
    return result;
  } finally {
    end.abort();
    await health.close();
    await transport.close();
  }
}

/** For one process that needs no lease. */
const ALONE: Elector = {
  run: async (lead) => {
    await lead(new AbortController().signal);
    return 'stopped';
  },
};

function readiness(stores: Readonly<Record<string, Store<KubeObject>>>): Record<string, Check> {
  const entries = Object.entries(stores).map(([name, store]): [string, Check] => [
    `watch ${name}`,
    () => {
      if (!store.hasSynced) return 'the first list is not in yet';
      const ageMs = store.lastEventAgeMs();
      return ageMs > STALE_MS ? `nothing came for ${Math.round(ageMs / 1000)} s` : undefined;
    },
  ]);
  return Object.fromEntries(entries);
}
