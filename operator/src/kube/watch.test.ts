/** The reflector against a real API server, through a proxy that fails. */
import { describe, expect, it } from 'vitest';
import { isJson } from './decode.ts';
import { keyOf, type KubeObject } from './object.ts';
import { createReflector, type Change, type ReflectorOptions } from './reflector.ts';
import { createStore } from './store.ts';
import { clock, useApi } from './test/api.ts';
import { eventually } from './test/eventually.ts';
import { errorLine, status } from './test/faulty-proxy.ts';
import { remove } from './writes.ts';

const configMaps = { group: '', version: 'v1', plural: 'configmaps' };
const api = useApi('watch');

/** A reflector of this test's config maps that is running, what it told, and what its store holds. */
function reflect(options: Partial<ReflectorOptions<KubeObject>> = {}) {
  const store = createStore<KubeObject>({ clock });
  const told: string[] = [];
  const problems: string[] = [];
  const tell = ({ type, object }: Change<KubeObject>): void =>
    void told.push(`${type} ${object.metadata.name}`);
  const reflector = createReflector<KubeObject>({
    transport: api.transport,
    resource: { ...configMaps, namespace: api.namespace },
    labelSelector: 'for=test',
    store,
    signal: api.signal,
    // Back-offs pass at a fiftieth of their time; idle times, which are longer, are given by the tests.
    clock: { ...clock, after: (ms, run) => clock.after(ms >= 800 ? ms / 50 : ms, run) },
    random: () => 0.5,
    onEvent: tell,
    onProblem: (problem) => problems.push(problem instanceof Error ? problem.message : String(problem)),
    decode: (raw) => raw,
    ...options,
  });
  const done = reflector.run();
  const values = (): Record<string, unknown> =>
    Object.fromEntries(
      store.list().map((it) => [it.metadata.name, isJson(it['data']) ? it['data']['value'] : undefined]),
    );
  return { store, told, problems, done, values };
}

const lists = (): URLSearchParams[] =>
  api.proxy.seen
    .filter(({ method, url, watch }) => method === 'GET' && url.pathname.endsWith('/configmaps') && !watch)
    .map(({ url }) => url.searchParams);
const watches = (): URLSearchParams[] =>
  api.proxy.seen.filter(({ watch }) => watch).map(({ url }) => url.searchParams);

describe('reflector', () => {
  it('lists by pages, then follows additions, updates and deletions', async () => {
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => api.put(name, '1')));
    const { store, told, values } = reflect({ pageSize: 2 });
    await eventually(() => expect(store.hasSynced).toBe(true));
    expect(values()).toEqual({ a: '1', b: '1', c: '1', d: '1', e: '1' });
    expect(lists().map((query) => [query.get('limit'), query.has('continue')])).toEqual([
      ['2', false],
      ['2', true],
      ['2', true],
    ]);
    await api.put('a', '2');
    const e = store.get(`${api.namespace}/e`);
    await remove(
      api.direct,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'e', namespace: api.namespace } },
      {
        uid: e?.metadata.uid,
        propagation: 'Background',
      },
    );
    await api.put('f', '1');
    await eventually(() => expect(values()).toEqual({ a: '2', b: '1', c: '1', d: '1', f: '1' }));
    expect(told.slice(5)).toEqual(['updated a', 'deleted e', 'added f']);
    expect(watches().map((query) => [query.get('allowWatchBookmarks'), query.get('timeoutSeconds')])).toEqual(
      [['true', '450']],
    );
    expect(store.list().every((it) => !('managedFields' in it.metadata))).toBe(true);
    expect(store.list().map((it) => it.kind)).toEqual(Array.from({ length: 5 }, () => 'ConfigMap'));
  });

  it('watches on from where it was after a reset, without a list and without a repeated event', async () => {
    await api.put('a', '1');
    const { told, values, problems } = reflect();
    await eventually(() => expect(api.proxy.streams).toBe(1));
    for (let round = 2; round < 6; round++) {
      api.proxy.resetAll();
      await api.put('a', String(round));
      await eventually(() => expect(values()).toEqual({ a: String(round) }));
    }
    expect(lists().length).toBe(1);
    expect(told).toEqual(['added a', 'updated a', 'updated a', 'updated a', 'updated a']);
    expect(problems.length).toBeGreaterThanOrEqual(4);
  });

  it('watches on at once, from the last bookmark, when the server ends the watch in time', async () => {
    await api.put('a', '1');
    const { problems, told } = reflect();
    await eventually(() => expect(api.proxy.streams).toBe(1));
    const { resourceVersion } = (await api.put('elsewhere', '1')).metadata;
    await eventually(() => expect(told).toEqual(['added a', 'added elsewhere']));
    const later = String(Number(resourceVersion) + 1); // of some other object, by the time that it is used
    await api.direct.request('POST', `/api/v1/namespaces/${api.namespace}/secrets`, {
      body: { metadata: { name: 's' } },
    });
    const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: later } };
    api.proxy.inject(JSON.stringify({ type: 'BOOKMARK', object }));
    api.proxy.endStreams();
    await eventually(() => expect(watches().length).toBe(2));
    expect(watches()[1]?.get('resourceVersion')).toBe(later);
    await api.put('a', '2');
    await eventually(() => expect(told.at(-1)).toBe('updated a'));
    expect([problems, lists().length]).toEqual([[], 1]);
  });

  it.each([
    { when: 'as an answer', expire: () => 'answer' as const },
    { when: 'in the stream', expire: () => 'stream' as const },
  ])('lists again after a 410 $when, and tells what was missed', async ({ expire }) => {
    await api.put('a', '1');
    await api.put('b', '1');
    await api.put('x', '1');
    const { told, values, store } = reflect();
    await eventually(() => expect(api.proxy.streams).toBe(1));
    api.proxy.muteStreams();
    for (const seen of store.list().filter((it) => it.metadata.name !== 'a')) {
      await remove(api.direct, seen, { uid: seen.metadata.uid, propagation: 'Background' });
    }
    await api.put('b', '2'); // the same name, another object
    await api.put('c', '1');
    const gone = { kind: 'answer', status: 410, body: JSON.stringify(status(410, 'Expired')) } as const;
    let first = true;
    if (expire() === 'stream') api.proxy.inject(errorLine(410, 'Expired'));
    else {
      api.proxy.fault = ({ watch }) => {
        if (!watch || !first) return undefined;
        first = false;
        return gone;
      };
      api.proxy.resetAll();
    }
    await eventually(() => expect(values()).toEqual({ a: '1', b: '2', c: '1' }));
    expect(lists().length).toBe(2);
    expect(told.slice(0, 3)).toEqual(['added a', 'added b', 'added x']);
    expect(told.slice(3)).toEqual(['deleted x', 'deleted b', 'added b', 'added c']);
    await api.put('d', '1');
    await eventually(() => expect(values()).toHaveProperty('d'));
  });

  it('starts its list over in one piece when the pages expire under it', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => api.put(name, '1')));
    api.proxy.fault = ({ url }) =>
      url.searchParams.has('continue')
        ? { kind: 'answer', status: 410, body: JSON.stringify(status(410, 'Expired')) }
        : undefined;
    const { values } = reflect({ pageSize: 2 });
    await eventually(() => expect(Object.keys(values())).toEqual(['a', 'b', 'c']));
    expect(lists().map((query) => query.get('limit'))).toEqual(['2', '2', null]);
  });

  it('gives up a watch that has gone silent, and loses nothing', async () => {
    await api.put('a', '1');
    const { values, problems } = reflect({ idleMs: 500 });
    await eventually(() => expect(api.proxy.streams).toBe(1));
    api.proxy.muteStreams();
    await api.put('a', '2');
    await eventually(() => expect(values()).toEqual({ a: '2' }));
    expect(problems[0]).toContain('silent for too long');
    expect(lists().length).toBe(1);
  });

  it.each([
    { when: 'an in-stream error', line: errorLine(500, 'InternalError') },
    { when: 'a line that is not JSON', line: '{"type":"ADDED","obj' },
    { when: 'an event of a type that does not exist', line: '{"type":"HELLO","object":{}}' },
  ])('reconnects from where it was after $when', async ({ line }) => {
    await api.put('a', '1');
    const { values, problems } = reflect();
    await eventually(() => expect(api.proxy.streams).toBe(1));
    api.proxy.muteStreams();
    await api.put('a', '2');
    api.proxy.inject(line);
    await eventually(() => expect(values()).toEqual({ a: '2' }));
    expect([problems.length, lists().length]).toEqual([1, 1]);
  });

  it('backs off, and lists anew, while the server answers 500 to watches and ends them as they begin', async () => {
    const waits: number[] = [];
    const recording = {
      ...clock,
      after: (ms: number, run: () => void) => {
        if (ms >= 300 && ms <= 30_000) waits.push(ms);
        return clock.after(ms / 100, run);
      },
    };
    await api.put('a', '1');
    api.proxy.fault = ({ watch }) => {
      if (!watch) return undefined;
      if (watches().length % 2 === 0) return { kind: 'answer', status: 500, body: '<html>' };
      return watches().length < 12 ? { kind: 'answer', status: 200, body: '' } : undefined;
    };
    const { values, store, problems } = reflect({ clock: recording });
    await eventually(() => expect(watches().length).toBeGreaterThanOrEqual(12));
    api.proxy.fault = () => undefined;
    await api.put('a', '2');
    await eventually(() => expect(values()).toEqual({ a: '2' }));
    expect(waits.slice(0, 6)).toEqual([600, 1_200, 2_400, 4_800, 9_600, 19_200]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    expect(lists().length).toBeGreaterThan(1);
    expect(problems[0]).toContain('ended as it began');
    expect(store.hasSynced).toBe(true);
  });

  it('leaves out an object that cannot be decoded, tells so, and takes it when it can', async () => {
    await api.put('good', '1');
    await api.put('bad', 'no');
    const { values, told, problems } = reflect({
      decode: (raw) => {
        if (isJson(raw['data']) && raw['data']['value'] === 'no') throw new Error(`${keyOf(raw)} is bad`);
        return raw;
      },
    });
    await eventually(() => expect(values()).toEqual({ good: '1' }));
    await api.put('bad', 'yes');
    await api.put('good', 'no');
    await eventually(() => expect(values()).toEqual({ bad: 'yes' }));
    expect(told).toEqual(['added good', 'added bad', 'deleted good']);
    expect(problems).toEqual([`${api.namespace}/bad is bad`, `${api.namespace}/good is bad`]);
  });

  it('ends when its signal aborts, while it watches and while it waits', async () => {
    const watching = reflect();
    api.proxy.fault = ({ url }) =>
      url.searchParams.get('labelSelector') === 'x' ? { kind: 'reset' } : undefined;
    const failing = reflect({ labelSelector: 'x', clock });
    await eventually(() =>
      expect([watching.store.hasSynced, failing.problems.length > 0]).toEqual([true, true]),
    );
    api.stop();
    await Promise.all([watching.done, failing.done]);
    await api.transport.close();
    await eventually(() => expect(api.proxy.sockets).toBe(0));
  });
});
