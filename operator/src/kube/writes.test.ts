/** Writes, events and health against a real API server. */
import { describe, expect, it } from 'vitest';
import { decodeObject, isJson, type Json } from './decode.ts';
import { createHealth } from './health.ts';
import { createMetrics } from './metrics.ts';
import type { KubeObject } from './object.ts';
import { createQueue } from './queue.ts';
import { createRecorder } from './recorder.ts';
import { createStore } from './store.ts';
import { clock, useApi } from './test/api.ts';
import { apply, applyStatus, create, patchMetadata, remove } from './writes.ts';

const api = useApi('writes');

function configMap(name: string, data: Record<string, string>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: api.namespace }, data };
}

async function live(kind: string, name: string): Promise<KubeObject> {
  const path = {
    configmap: `/api/v1/namespaces/${api.namespace}/configmaps/`,
    deployment: `/apis/apps/v1/namespaces/${api.namespace}/deployments/`,
  }[kind];
  return decodeObject(await api.direct.request('GET', `${path}${name}`));
}

describe('apply', () => {
  const us = { fieldManager: 'us', force: true };

  it('creates, changes, removes what it no longer describes, and leaves alone what others wrote', async () => {
    await apply(api.transport, configMap('a', { x: '1', y: '1' }), us);
    await apply(api.transport, configMap('a', { theirs: '1' }), { fieldManager: 'them', force: false });
    const answer = await apply(api.transport, configMap('a', { x: '2' }), us);
    expect(answer['data']).toEqual({ x: '2', theirs: '1' });
    expect((await live('configmap', 'a'))['data']).toEqual({ x: '2', theirs: '1' });
  });

  it('conflicts over a field of another manager, unless it is told to take it', async () => {
    await apply(api.transport, configMap('a', { x: '1' }), { fieldManager: 'them', force: false });
    const polite = apply(api.transport, configMap('a', { x: '2' }), { fieldManager: 'us', force: false });
    await expect(polite).rejects.toMatchObject({ status: 409, reason: 'Conflict' });
    const taken = await apply(api.transport, configMap('a', { x: '2' }), us);
    expect(taken['data']).toEqual({ x: '2' });
  });

  it('with a uid never brings back an object that is gone', async () => {
    const { uid } = (await apply(api.transport, configMap('a', {}), us)).metadata;
    await remove(api.transport, configMap('a', {}), { uid, propagation: 'Background' });
    const object = configMap('a', { x: '1' });
    const late = apply(api.transport, { ...object, metadata: { ...object.metadata, uid } }, us);
    await expect(late).rejects.toMatchObject({ reason: 'Conflict' });
  });

  it('writes status and only status through the status subresource', async () => {
    const metadata = { name: 'd', namespace: api.namespace };
    const labels = { app: 'd' };
    const spec = {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    };
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata };
    await apply(api.transport, { ...deployment, spec }, us);
    const status = { observedGeneration: 1, replicas: 1 };
    await applyStatus(api.transport, { ...deployment, status }, { fieldManager: 'us-status', force: true });
    await apply(api.transport, { ...deployment, spec: { ...spec, replicas: 3 } }, us);
    expect(await live('deployment', 'd')).toMatchObject({ spec: { replicas: 3 }, status });
  });
});

describe('create, remove and patchMetadata', () => {
  it('creates once', async () => {
    const made = await create(api.transport, configMap('a', { x: '1' }), { fieldManager: 'us' });
    expect(made.metadata.uid).toBeDefined();
    const again = create(api.transport, configMap('a', { x: '2' }), { fieldManager: 'us' });
    await expect(again).rejects.toMatchObject({ reason: 'AlreadyExists' });
  });

  it('removes only the object and the state that were seen', async () => {
    const seen = await api.put('a', '1');
    const { uid, resourceVersion } = seen.metadata;
    const now = await api.put('a', '2');
    const how = { propagation: 'Background' } as const;
    const conflict = { status: 409, reason: 'Conflict' };
    await expect(remove(api.transport, seen, { uid: 'another', ...how })).rejects.toMatchObject(conflict);
    await expect(remove(api.transport, seen, { uid, resourceVersion, ...how })).rejects.toMatchObject(
      conflict,
    );
    expect((await live('configmap', 'a')).metadata.uid).toBe(uid);
    const current = { uid, resourceVersion: now.metadata.resourceVersion, ...how };
    expect(await remove(api.transport, seen, current)).toBe('removed');
    expect(await remove(api.transport, seen, current)).toBe('absent');
  });

  it('changes finalizers and labels of the state that was read, and of no other', async () => {
    const read = await api.put('a', '1');
    const finalizers = ['example.org/hold'];
    const held = await patchMetadata(
      api.transport,
      read,
      { finalizers, labels: { for: null } },
      { fieldManager: 'us' },
    );
    expect(held.metadata).toMatchObject({ finalizers });
    expect(held.metadata.labels).toBeUndefined();
    const stale = patchMetadata(api.transport, read, { finalizers: [] }, { fieldManager: 'us' });
    await expect(stale).rejects.toMatchObject({ reason: 'Conflict' });
    await patchMetadata(api.transport, held, { finalizers: [] }, { fieldManager: 'us' });
    expect((await live('configmap', 'a')).metadata.finalizers).toBeUndefined();
  });
});

async function events(namespace: string): Promise<readonly Json[]> {
  const list = await api.direct.request('GET', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
  return isJson(list) && Array.isArray(list['items']) ? list['items'].filter((item) => isJson(item)) : [];
}

describe('recorder', () => {
  it('counts a repeated event on the first, and keeps another one apart', async () => {
    const problems: unknown[] = [];
    const recorder = createRecorder({
      transport: api.transport,
      clock,
      controller: 'example.org/test',
      instance: 'test-1',
      onProblem: (problem) => problems.push(problem),
    });
    const object = await api.put('a', '1');
    const made = { type: 'Normal', reason: 'Made', action: 'Make', note: 'made it' } as const;
    recorder.event(object, made);
    await recorder.flush();
    recorder.event(object, made);
    recorder.event(object, { ...made, type: 'Warning', note: 'x'.repeat(2_000) });
    await recorder.flush();
    expect(problems).toEqual([]);
    const regarding = { kind: 'ConfigMap', name: 'a', uid: object.metadata.uid };
    expect(
      (await events(api.namespace)).toSorted((a, b) => String(a['type']).localeCompare(String(b['type']))),
    ).toMatchObject([
      { type: 'Normal', reason: 'Made', note: 'made it', regarding, series: { count: 2 } },
      { type: 'Warning', note: 'x'.repeat(1_024), reportingController: 'example.org/test' },
    ]);
    expect(await api.cluster.kubectl(['-n', api.namespace, 'describe', 'configmap', 'a'])).toContain(
      'made it',
    );
  });

  it('takes events on objects without a namespace, and drops what the API server does not take', async () => {
    const problems: unknown[] = [];
    const recorder = createRecorder({
      transport: api.transport,
      clock,
      controller: 'example.org/test',
      instance: 'test-1',
      onProblem: (problem) => problems.push(problem),
    });
    const namespace = decodeObject(await api.direct.request('GET', `/api/v1/namespaces/${api.namespace}`));
    const event = { type: 'Normal', reason: 'Made', action: 'Make', note: 'made it' } as const;
    recorder.event(namespace, event);
    await recorder.flush();
    expect(problems).toEqual([]);
    const regarding = { kind: 'Namespace', name: api.namespace };
    expect(await events('default')).toContainEqual(
      expect.objectContaining({ note: 'made it', regarding: expect.objectContaining(regarding) as unknown }),
    );
    recorder.event(namespace, { ...event, reason: '' });
    await recorder.flush();
    expect(problems).toMatchObject([{ status: 422, reason: 'Invalid' }]);
  });
});

describe('health', () => {
  it('answers readiness with what is wrong, and metrics for queues, watches and calls', async () => {
    const metrics = createMetrics('example_');
    const queue = createQueue({ clock, onTaken: (ms) => metrics.waited('things', ms) });
    const store = createStore<KubeObject>({ clock });
    metrics.watchQueue('things', queue);
    metrics.watchStore('configmaps', store);
    metrics.called({ method: 'GET', status: 429, seconds: 0.1 });
    metrics.reconciled('things', 'ok', 0.02);
    queue.add('a');
    const health = createHealth({
      registry: metrics.registry,
      ready: { configmaps: () => (store.hasSynced ? undefined : 'not yet listed') },
    });
    const url = `http://127.0.0.1:${await health.listen(0, '127.0.0.1')}`;
    const get = async (path: string): Promise<readonly [number, string]> => {
      const answer = await fetch(url + path);
      return [answer.status, await answer.text()];
    };
    expect(await get('/healthz')).toEqual([200, 'ok\n']);
    expect(await get('/readyz')).toEqual([503, 'not ok configmaps: not yet listed\nnot ok\n']);
    store.synced();
    expect(await get('/readyz?verbose')).toEqual([200, 'ok configmaps\nok\n']);
    const [, text] = await get('/metrics');
    for (const line of [
      'example_queue_depth{controller="things"} 1',
      'example_watch_age_seconds{resource="configmaps"} +Inf',
      'example_api_calls_total{method="GET",code="429"} 1',
      'example_reconcile_seconds_count{controller="things",result="ok"} 1',
    ]) {
      expect(text).toContain(line);
    }
    expect((await get('/none'))[0]).toBe(404);
    await health.close();
  });
});
