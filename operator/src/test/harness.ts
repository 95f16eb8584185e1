/** A real API server with its controllers, a real MLflow, and the operator under the very rules of its chart. */
import { cluster, startMlflow, type Cluster } from '@hilum/hack';
import { createMlflow, type MlflowClient } from '@hilum/mlflow';
import { KubeConfig } from '@kubernetes/client-node';
import { join } from 'node:path';
import type { OperatorConfig } from '../config.ts';
import {
  createClock,
  createTransport,
  isConflict,
  pathOf,
  type KubeObject,
  type Transport,
} from '../kube/index.ts';
import { decodeList, decodeObject } from '../kube/decode.ts';
import { eventually } from '../kube/test/eventually.ts';
import { runOperator } from '../operator.ts';
import { createGate, type Gate } from './gate.ts';
import { LEASE_RULES, OPERATOR_RULES } from '../rbac.ts';

export { eventually };

export interface RunningOperator {
  /** As on SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
}

interface StartOptions {
  /** Default: the operator's own account. */
  readonly kubeConfig?: KubeConfig;
  /** It is going to fail: without a lease, which it would hold on to, and without a word. */
  readonly doomed?: boolean;
}

export interface Harness {
  readonly mlflow: MlflowClient;
  /** Between the operator and MLflow. */
  readonly gate: Gate;
  readonly api: Api;
  kubectl(...args: readonly string[]): Promise<string>;
  startOperator(options?: StartOptions): RunningOperator;
  /** Of the cluster's admin. */
  readonly kubeconfig: string;
  down(): Promise<void>;
}

/** The few calls of a test, as the cluster's admin. */
export interface Api {
  create(object: object): Promise<KubeObject>;
  /** Undefined when there is none. */
  get(plural: Plural, name: string): Promise<KubeObject | undefined>;
  list(plural: Plural, labelSelector?: string): Promise<readonly KubeObject[]>;
  /** Merges into the object, or into its subresource. */
  patch(plural: Plural, name: string, body: object, subresource?: string): Promise<KubeObject>;
  remove(plural: Plural, name: string): Promise<void>;
  /** Takes a pod out of the scheduler's hands, as if a node had been found. Safe to repeat. */
  bind(pod: string): Promise<void>;
}

const GROUPS = {
  trainingruns: 'hilum.dev/v1alpha1',
  modeldeployments: 'hilum.dev/v1alpha1',
  jobs: 'batch/v1',
  pods: 'v1',
  services: 'v1',
  deployments: 'apps/v1',
  replicasets: 'apps/v1',
  horizontalpodautoscalers: 'autoscaling/v2',
  poddisruptionbudgets: 'policy/v1',
  events: 'events.k8s.io/v1',
} as const;
type Plural = keyof typeof GROUPS;

const NAMESPACE = 'default';
const ACCOUNT = 'hilum-operator';
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const clock = createClock(() => Date.now());

/** `namespaced`: the operator watches one namespace, and has rights in no other. */
export async function startHarness({ namespaced = false } = {}): Promise<Harness> {
  const [kcm, mlflowServer] = await Promise.all([cluster.up('kcm'), startMlflow()]);
  await installCrds(kcm);
  await installAccount(kcm, namespaced);
  const admin = new KubeConfig();
  admin.loadFromFile(kcm.kubeconfig);
  const account = await accountConfig(admin, kcm);
  const end = new AbortController();
  const transport = createTransport({ kubeConfig: admin, clock, signal: end.signal, qps: -1 });
  const operators = new Set<RunningOperator>();
  const mlflow = createMlflow({ baseUrl: mlflowServer.url });
  const gate = await createGate(mlflowServer.url);

  return {
    mlflow,
    gate,
    api: apiOf(transport),
    kubectl: (...args) => kcm.kubectl(args),
    kubeconfig: kcm.kubeconfig,
    startOperator: ({ kubeConfig = account, doomed = false } = {}) => {
      const stop = new AbortController();
      const watchNamespaces = namespaced ? [NAMESPACE] : [];
      const config = { ...configFor(gate.url), watchNamespaces, leaderElection: !doomed };
      const error = (fields: object, message: string) => doomed || console.error(message, fields);
      const log = { ...silent, error };
      const ended = runOperator({
        config,
        kubeConfig,
        clock,
        random: Math.random,
        log,
        stop: stop.signal,
      });
      const running: RunningOperator = {
        stop: async () => {
          stop.abort();
          await ended;
          operators.delete(running);
        },
      };
      operators.add(running);
      return running;
    },
    down: async () => {
      await Promise.all([...operators].map((operator) => operator.stop()));
      end.abort();
      await transport.close();
      await gate.close();
      await Promise.all([kcm.down(), mlflowServer.stop()]);
    },
  };
}

function configFor(mlflowUri: string): Omit<OperatorConfig, 'watchNamespaces' | 'leaderElection'> {
  return {
    trainerImage: 'hilum/trainer:test',
    serverImage: 'hilum/server:test',
    mlflowUri,
    imagePullSecrets: [],
    workers: 2,
    kubeQps: -1,
    healthPort: 0,
    logLevel: 'info',
    podName: 'operator-under-test',
    podNamespace: NAMESPACE,
  };
}

async function installCrds(kcm: Cluster): Promise<void> {
  const crds = join(import.meta.dirname, '../../../crds');
  const files = ['trainingruns', 'modeldeployments'].map((plural) => join(crds, `${plural}.hilum.dev.yaml`));
  await kcm.kubectl(['apply', ...files.flatMap((file) => ['-f', file])]);
  await kcm.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
}

async function installAccount(kcm: Cluster, namespaced: boolean): Promise<void> {
  const metadata = { name: ACCOUNT, namespace: NAMESPACE };
  const leader = { name: `${ACCOUNT}-leader`, namespace: NAMESPACE };
  const subjects = [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }];
  const rbac = 'rbac.authorization.k8s.io';
  const ref = (kind: string) => ({ apiGroup: rbac, kind, name: ACCOUNT });
  const items = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata, rules: OPERATOR_RULES },
    {
      apiVersion: `${rbac}/v1`,
      kind: namespaced ? 'RoleBinding' : 'ClusterRoleBinding',
      metadata,
      roleRef: ref('ClusterRole'),
      subjects,
    },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: leader, rules: LEASE_RULES },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: leader,
      roleRef: { ...ref('Role'), name: leader.name },
      subjects,
    },
  ];
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await kcm.kubectl(['apply', '-f', '-'], { input });
}

async function accountConfig(admin: KubeConfig, kcm: Cluster): Promise<KubeConfig> {
  const token = (await kcm.kubectl(['create', 'token', ACCOUNT, '--duration=2h'])).trim();
  const at = admin.getCurrentCluster();
  if (at === null) throw new Error('the kubeconfig of the test cluster names no cluster');
  const config = new KubeConfig();
  config.loadFromClusterAndUser(at, { name: ACCOUNT, token });
  return config;
}

function apiOf(transport: Transport): Api {
  return {
    create: async (object) => {
      const { apiVersion, kind } = decodeObject(object);
      const resource = await transport.resourceOf(apiVersion, kind);
      return decodeObject(
        await transport.request('POST', pathOf({ ...resource, namespace: NAMESPACE }), { body: object }),
      );
    },
    get: async (plural, name) => {
      const found = await list(transport, pathTo(plural), { fieldSelector: `metadata.name=${name}` });
      return found[0];
    },
    list: (plural, labelSelector) => list(transport, pathTo(plural), { labelSelector }),
    patch: async (plural, name, body, subresource) => {
      const contentType = 'application/merge-patch+json';
      return decodeObject(
        await transport.request('PATCH', pathTo(plural, name, subresource), { body, contentType }),
      );
    },
    bind: async (pod) => {
      const target = { apiVersion: 'v1', kind: 'Node', name: 'played' };
      const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name: pod }, target };
      await transport.request('POST', pathTo('pods', pod, 'binding'), { body }).catch((error: unknown) => {
        if (!isConflict(error)) throw error;
      });
    },
    remove: async (plural, name) => {
      await transport.request('DELETE', pathTo(plural, name), { body: { propagationPolicy: 'Background' } });
    },
  };
}

function pathTo(plural: Plural, name?: string, subresource?: string): string {
  const apiVersion = GROUPS[plural];
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return pathOf({ group, version, plural, namespace: NAMESPACE }, name, subresource);
}

async function list(
  transport: Transport,
  path: string,
  query: Readonly<Record<string, string | undefined>>,
): Promise<readonly KubeObject[]> {
  return decodeList(await transport.request('GET', path, { query })).items;
}
