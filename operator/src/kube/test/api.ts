/** A real API server for a test file, and for each test a proxy that can fail, a transport through it, a namespace. */
import { cluster, type Cluster } from '@hilum/hack';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { createClock } from '../clock.ts';
import type { KubeObject } from '../object.ts';
import { createTransport, type Call, type Transport } from '../transport.ts';
import { apply } from '../writes.ts';
import { createFaultyProxy, type FaultyProxy } from './faulty-proxy.ts';

export const clock = createClock(Date.now);
const manager = { fieldManager: 'test', force: true };

export interface Api {
  readonly cluster: Cluster;
  readonly proxy: FaultyProxy;
  /** Through the proxy; told of in `calls`. */
  readonly transport: Transport;
  readonly calls: readonly Call[];
  /** Past the proxy, for what the tests themselves do. */
  readonly direct: Transport;
  /** Aborted after each test. */
  readonly signal: AbortSignal;
  readonly stop: () => void;
  /** One per test. */
  readonly namespace: string;
  /** Applies a config map. */
  put(name: string, value: string): Promise<KubeObject>;
}

/** Registers the hooks; what it returns is filled in when tests run. */
export function useApi(prefix: string): Api {
  let server: Cluster;
  let direct: Transport;
  let each: Pick<Api, 'proxy' | 'transport' | 'calls' | 'signal' | 'stop' | 'namespace'>;
  let count = 0;

  beforeAll(async () => {
    server = await cluster.up('control');
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromFile(server.kubeconfig);
    direct = createTransport({ kubeConfig, clock, signal: new AbortController().signal, qps: -1 });
  });
  afterAll(async () => {
    await direct?.close();
    await server?.down();
  });
  beforeEach(async () => {
    const life = new AbortController();
    const calls: Call[] = [];
    const proxy = await createFaultyProxy(server.kubeconfig);
    const options = { kubeConfig: proxy.kubeConfig, clock, signal: life.signal };
    const transport = createTransport({ ...options, onCall: (call) => calls.push(call) });
    const namespace = `${prefix}-${(count += 1)}`;
    await apply(direct, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, manager);
    each = { proxy, transport, calls, signal: life.signal, stop: () => life.abort(), namespace };
  });
  afterEach(async () => {
    each.stop();
    await each.transport.close();
    await each.proxy.close();
  });

  return {
    get cluster() {
      return server;
    },
    get direct() {
      return direct;
    },
    get proxy() {
      return each.proxy;
    },
    get transport() {
      return each.transport;
    },
    get calls() {
      return each.calls;
    },
    get signal() {
      return each.signal;
    },
    get namespace() {
      return each.namespace;
    },
    stop: () => each.stop(),
    put: (name, value) => {
      const metadata = { name, namespace: each.namespace, labels: { for: 'test' } };
      return apply(direct, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } }, manager);
    },
  };
}
