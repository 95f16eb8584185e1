/** What the operator watches, in all namespaces or in the given ones. */
import { GROUP, VERSION } from '@hilum/crds';
import {
  type Change,
  type Clock,
  createReflector,
  createStore,
  type KubeObject,
  type Metrics,
  type Reflector,
  splitKey,
  type Store,
  type Transport,
} from './kube/index.ts';
import { MANAGED_BY, MODEL_DEPLOYMENT_LABEL, TRAINING_RUN_LABEL } from './labels.ts';

interface Watched {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Children are watched by our label; our own kinds whole. */
  readonly labelSelector?: string;
}

const ours = `${MANAGED_BY.key}=${MANAGED_BY.value}`;
const WATCHED = {
  trainingRuns: { group: GROUP, version: VERSION, plural: 'trainingruns' },
  modelDeployments: { group: GROUP, version: VERSION, plural: 'modeldeployments' },
  jobs: { group: 'batch', version: 'v1', plural: 'jobs', labelSelector: ours },
  pods: { group: '', version: 'v1', plural: 'pods', labelSelector: ours },
  deployments: { group: 'apps', version: 'v1', plural: 'deployments', labelSelector: ours },
  services: { group: '', version: 'v1', plural: 'services', labelSelector: ours },
  autoscalers: {
    group: 'autoscaling',
    version: 'v2',
    plural: 'horizontalpodautoscalers',
    labelSelector: ours,
  },
  disruptionBudgets: { group: 'policy', version: 'v1', plural: 'poddisruptionbudgets', labelSelector: ours },
} as const satisfies Record<string, Watched>;

type WatchedName = keyof typeof WATCHED;
const NAMES = Object.keys(WATCHED) as readonly WatchedName[];

/** Indexes of the children: by the owner's `namespace/name`, as their labels have it. */
export const BY_TRAINING_RUN = 'trainingRun';
export const BY_MODEL_DEPLOYMENT = 'modelDeployment';

export interface Watches {
  readonly stores: Readonly<Record<WatchedName, Store<KubeObject>>>;
  readonly reflectors: readonly Reflector[];
}

export interface WatchesOptions {
  readonly transport: Transport;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly metrics?: Metrics;
  /** The owner of what changed, or the object itself, by kind. */
  readonly onTrainingRun: (key: string) => void;
  readonly onModelDeployment: (key: string) => void;
  readonly onProblem: (resource: string, problem: unknown) => void;
}

export function createWatches(options: WatchesOptions): Watches {
  const reflectors: Reflector[] = [];
  const parts = NAMES.map((name) => {
    const scopes = options.namespaces.length === 0 ? [undefined] : options.namespaces;
    const byNamespace = new Map(
      scopes.map((namespace) => {
        const store = createStore<KubeObject>({
          clock: options.clock,
          indexers: {
            [BY_TRAINING_RUN]: (object) => ownerKeys(object, TRAINING_RUN_LABEL),
            [BY_MODEL_DEPLOYMENT]: (object) => ownerKeys(object, MODEL_DEPLOYMENT_LABEL),
          },
        });
        reflectors.push(
          reflectorOf(WATCHED[name], namespace, store, options, (change) => wake(name, change, options)),
        );
        return [namespace, store];
      }),
    );
    const store = union(byNamespace);
    options.metrics?.watchStore(WATCHED[name].plural, store);
    return [name, store] as const;
  });
  return { stores: Object.fromEntries(parts) as Watches['stores'], reflectors };
}

function reflectorOf(
  { labelSelector, ...resource }: Watched,
  namespace: string | undefined,
  store: Parameters<typeof createReflector<KubeObject>>[0]['store'],
  { transport, clock, random, signal, onProblem }: WatchesOptions,
  onEvent: (change: Change<KubeObject>) => void,
): Reflector {
  return createReflector<KubeObject>({
    transport,
    clock,
    random,
    signal,
    store,
    onEvent,
    resource: { ...resource, ...(namespace === undefined ? {} : { namespace }) },
    ...(labelSelector === undefined ? {} : { labelSelector }),
    decode: (raw) => raw,
    onProblem: (problem) => onProblem(resource.plural, problem),
  });
}

function wake(name: WatchedName, { object }: Change<KubeObject>, options: WatchesOptions): void {
  const self = `${object.metadata.namespace}/${object.metadata.name}`;
  if (name === 'trainingRuns') options.onTrainingRun(self);
  else if (name === 'modelDeployments') options.onModelDeployment(self);
  for (const key of ownerKeys(object, TRAINING_RUN_LABEL)) options.onTrainingRun(key);
  for (const key of ownerKeys(object, MODEL_DEPLOYMENT_LABEL)) options.onModelDeployment(key);
}

function ownerKeys(object: KubeObject, label: string): readonly string[] {
  const name = object.metadata.labels?.[label];
  return name === undefined ? [] : [`${object.metadata.namespace}/${name}`];
}

/** One store over those of several namespaces, or over the one of all. */
function union(parts: ReadonlyMap<string | undefined, Store<KubeObject>>): Store<KubeObject> {
  const stores = [...parts.values()];
  return {
    get: (key) => (parts.get(undefined) ?? parts.get(splitKey(key).namespace))?.get(key),
    list: () => stores.flatMap((store) => store.list()),
    byIndex: (name, value) => stores.flatMap((store) => store.byIndex(name, value)),
    get hasSynced() {
      return stores.every((store) => store.hasSynced);
    },
    lastEventAgeMs: () => Math.max(...stores.map((store) => store.lastEventAgeMs())),
  };
}
