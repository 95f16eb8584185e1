/** Whole controller processes, in one process, against a real API server. */
import { describe, expect, it } from 'vitest';
import { createController, type Log, type Reconcile } from './controller.ts';
import { isJson } from './decode.ts';
import { createElector } from './elector.ts';
import { ApiError } from './errors.ts';
import { runManager } from './manager.ts';
import { createMetrics } from './metrics.ts';
import { keyOf, splitKey, type KubeObject } from './object.ts';
import { createQueue } from './queue.ts';
import { createReflector } from './reflector.ts';
import { createStore, type Store } from './store.ts';
import { clock, useApi } from './test/api.ts';
import { eventually } from './test/eventually.ts';
import { createFaultyProxy, type FaultyProxy } from './test/faulty-proxy.ts';
import { createTransport, type Transport } from './transport.ts';
import { apply } from './writes.ts';

const api = useApi('manager');

interface Context {
  readonly transport: Transport;
  readonly store: Store<KubeObject>;
}

const quiet = (): void => undefined;

/** Keeps what was logged at level error. */
function logTo(errors: string[]): Log {
  return { debug: quiet, info: quiet, warn: quiet, error: (_fields, message) => errors.push(message) };
}

/** A controller process with a way of its own to the API server. */
async function start(
  identity: string,
  reconcile: (key: string, context: Context, signal: AbortSignal) => ReturnType<Reconcile>,
  leaders = new Set<string>(),
) {
  const proxy: FaultyProxy = await createFaultyProxy(api.cluster.kubeconfig);
  const life = new AbortController();
  const stop = new AbortController();
  const metrics = createMetrics('test_');
  const transport = createTransport({ kubeConfig: proxy.kubeConfig, clock, signal: life.signal });
  const store = createStore<KubeObject>({ clock });
  const queue = createQueue({ clock, minMs: 20 });
  const reflector = createReflector<KubeObject>({
    transport,
    resource: { group: '', version: 'v1', plural: 'configmaps', namespace: api.namespace },
    labelSelector: 'for=test',
    store,
    signal: life.signal,
    clock,
    random: Math.random,
    decode: (raw) => raw,
    onEvent: ({ object }) => queue.add(keyOf(object)),
  });
  const errors: string[] = [];
  const log = logTo(errors);
  const controller = createController({
    name: 'things',
    queue,
    workers: 2,
    clock,
    log,
    metrics,
    reconcile: (key, signal) => reconcile(key, { transport, store }, signal),
  });
  const elector = createElector({
    transport,
    namespace: api.namespace,
    name: 'lock',
    identity,
    clock,
    random: Math.random,
    leaseMs: 2_000,
    renewDeadlineMs: 1_200,
    retryMs: 200,
    onLeading: (leading) => {
      if (!leading) {
        leaders.delete(identity);
        return;
      }
      leaders.add(identity);
      if (leaders.size > 1) errors.push(`two leaders: ${[...leaders].join(' ')}`);
    },
  });
  const ended = runManager({
    reflectors: [reflector],
    stores: [store],
    controllers: [controller],
    elector,
    clock,
    log,
    stop: stop.signal,
    drainMs: 5_000,
  });
  const close = async (): Promise<void> => {
    life.abort();
    await transport.close();
    await proxy.close();
  };
  return { stop: () => stop.abort(), ended, close, proxy, errors, queue, metrics };
}

/** Makes `NAME-copy` of a config map. */
async function copy(key: string, { transport, store }: Context, signal: AbortSignal): Promise<void> {
  const object = store.get(key);
  if (object === undefined) return;
  const { name, namespace } = splitKey(key);
  const child = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${name}-copy`, namespace },
    data: object['data'],
  };
  await apply(transport, child, { fieldManager: 'things', force: true, signal });
}

/** name → value of all copies. */
async function copies(): Promise<Record<string, unknown>> {
  const list = await api.direct.request('GET', `/api/v1/namespaces/${api.namespace}/configmaps`);
  const items =
    isJson(list) && Array.isArray(list['items']) ? list['items'].filter((item) => isJson(item)) : [];
  const entries = items.map((item): [string, unknown] => [
    isJson(item['metadata']) ? String(item['metadata']['name']) : '',
    isJson(item['data']) ? item['data']['value'] : undefined,
  ]);
  return Object.fromEntries(entries.filter(([name]) => name.endsWith('-copy')));
}

async function holder(): Promise<unknown> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${api.namespace}/leases/lock`;
  const lease = await api.direct.request('GET', path);
  return isJson(lease) && isJson(lease['spec']) ? lease['spec']['holderIdentity'] : undefined;
}

describe('manager', () => {
  it('reconciles what is there and what changes, through failures of the reconcile and of the network', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => api.put(name, '1')));
    let failures = 0;
    const process = await start('one', async (key, context, signal) => {
      if (key.endsWith('/b') && (failures += 1) <= 3) throw new Error('not yet');
      if (key.endsWith('/c') && (failures += 1) === 4)
        throw new ApiError({ status: 409, reason: 'Conflict', message: '' });
      return copy(key, context, signal);
    });
    await eventually(async () =>
      expect(await copies()).toEqual({ 'a-copy': '1', 'b-copy': '1', 'c-copy': '1' }),
    );
    process.proxy.resetAll();
    await api.put('a', '2');
    await eventually(async () => expect(await copies()).toMatchObject({ 'a-copy': '2' }));
    expect(process.errors.every((message) => message === 'reconcile failed')).toBe(true);
    process.stop();
    expect(await process.ended).toBe('stopped');
    await process.close();
    const text = await process.metrics.registry.metrics();
    expect(text).toMatch(/test_reconcile_seconds_count\{controller="things",result="ok"\} [1-9]/);
    expect(text).toMatch(/test_reconcile_seconds_count\{controller="things",result="error"\} [1-9]/);
  });

  it('stops in order: ends the reconcile under way, starts no other, and gives the lease back', async () => {
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => api.put(name, '1')));
    const started: string[] = [];
    const gate = Promise.withResolvers<void>();
    const process = await start('one', async (key, context, signal) => {
      started.push(key);
      await gate.promise;
      signal.throwIfAborted();
      return copy(key, context, signal);
    });
    await eventually(() => expect(started.length).toBe(2));
    expect(await holder()).toBe('one');
    process.stop();
    await eventually(() => expect(process.queue.depth).toBe(0));
    expect(await holder()).toBe('one');
    gate.resolve();
    expect(await process.ended).toBe('stopped');
    expect(await holder()).toBe('');
    expect(Object.keys(await copies()).length).toBe(2);
    expect(started.length).toBe(2);
    await process.close();
  });

  it('aborts a reconcile that outlives the drain', async () => {
    await api.put('a', '1');
    const aborted = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const process = await start('one', async (_key, _context, signal) => {
      began.resolve();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      aborted.resolve();
    });
    await began.promise;
    process.stop();
    await aborted.promise;
    expect(await process.ended).toBe('stopped');
    await process.close();
  });

  it('never leads twice: the leader that is cut off gives up and the standby takes over its work', async () => {
    const leaders = new Set<string>();
    const held = Promise.withResolvers<void>();
    const one = await start(
      'one',
      async (key, context, signal) => {
        if (!key.endsWith('/held')) return copy(key, context, signal);
        signal.addEventListener('abort', () => held.resolve(), { once: true });
        return held.promise;
      },
      leaders,
    );
    await eventually(() => expect([...leaders]).toEqual(['one']));
    const two = await start('two', copy, leaders);
    await api.put('a', '1');
    await eventually(async () => expect(await copies()).toEqual({ 'a-copy': '1' }));
    await api.put('held', '1');
    await eventually(() => expect(one.queue.active).toBe(1));
    one.proxy.muteStreams();
    one.proxy.fault = () => ({ kind: 'silence' });
    await api.put('a', '2');
    expect(await one.ended).toBe('lost');
    await held.promise;
    await eventually(async () => expect(await copies()).toEqual({ 'a-copy': '2', 'held-copy': '1' }));
    expect([...leaders]).toEqual(['two']);
    expect(await holder()).toBe('two');
    expect([...one.errors, ...two.errors]).toEqual([]);
    two.stop();
    expect(await two.ended).toBe('stopped');
    await Promise.all([one.close(), two.close()]);
  });
});
