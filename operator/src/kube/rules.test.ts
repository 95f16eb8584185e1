import { describe, expect, it } from 'vitest';
import { backoffMs, createBackoff } from './backoff.ts';
import { deadline, orAbort, sleep } from './clock.ts';
import { microTimestamp, setCondition, timestamp, type Condition } from './conditions.ts';
import { linesOf } from './lines.ts';
import { pathOf, splitKey, keyOf } from './object.ts';
import { createRateLimit } from './ratelimit.ts';
import { createStore } from './store.ts';
import { createFakeClock, settle } from './test/fake-clock.ts';

const never = new AbortController().signal;

async function* chunks(...parts: readonly Uint8Array[]) {
  yield* parts;
}

const object = (name: string, owner: string) => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name, namespace: 'ns', labels: { owner } },
});

const ready = (status: Condition['status'], reason: string, observedGeneration = 1) => ({
  type: 'Ready',
  status,
  reason,
  message: '',
  observedGeneration,
});

const at = (second: number): number => Date.UTC(2026, 0, 1, 0, 0, second);

describe('back-off', () => {
  it.each([
    { when: 'first', attempt: 0, random: 0, want: 800 },
    { when: 'third', attempt: 2, random: 0, want: 3_200 },
    { when: 'far', attempt: 500, random: 0, want: 30_000 },
    { when: 'far, with the most jitter', attempt: 500, random: 1, want: 15_000 },
  ])('$when attempt waits $want ms', ({ attempt, random, want }) => {
    expect(backoffMs(attempt, { minMs: 800, maxMs: 30_000, jitter: 0.5, random: () => random })).toBe(want);
  });

  it('starts again after a reset', () => {
    const backoff = createBackoff({ minMs: 100, maxMs: 1_000 });
    expect([backoff.next(), backoff.next()]).toEqual([100, 200]);
    backoff.reset();
    expect(backoff.next()).toBe(100);
  });
});

describe('rate limit', () => {
  it('lets the burst through at once and the rest at its rate, in order', async () => {
    const clock = createFakeClock();
    const limit = createRateLimit({ qps: 10, burst: 3, clock });
    const went: string[] = [];
    const all = Array.from({ length: 6 }, async (_, index) => {
      await limit.take(never);
      went.push(`${index}@${clock.elapsed()}`);
    });
    await clock.advance(1_000);
    await Promise.all(all);
    expect(went).toEqual(['0@0', '1@0', '2@0', '3@100', '4@200', '5@300']);
  });

  it('does not gather more than the burst while idle', async () => {
    const clock = createFakeClock();
    const limit = createRateLimit({ qps: 10, burst: 2, clock });
    await clock.advance(60_000);
    let went = 0;
    const all = Array.from({ length: 4 }, () => limit.take(never).then(() => (went += 1)));
    await settle();
    expect(went).toBe(2);
    await clock.advance(1_000);
    await Promise.all(all);
  });

  it('is off below zero', async () => {
    const clock = createFakeClock();
    const limit = createRateLimit({ qps: -1, burst: 0, clock });
    for (let call = 0; call < 1_000; call++) await limit.take(never);
    expect(clock.timers).toBe(0);
  });
});

describe('clock helpers', () => {
  it('sleeps until the time, or until aborted, and leaves no timer', async () => {
    const clock = createFakeClock();
    const stop = new AbortController();
    const slept = sleep(clock, 1_000, stop.signal);
    stop.abort();
    await slept;
    expect(clock.timers).toBe(0);
    await sleep(clock, 1_000, stop.signal);
  });

  it('tells a deadline from a parent that aborted', async () => {
    const clock = createFakeClock();
    const parent = new AbortController();
    const late = deadline(clock, 10, [parent.signal]);
    const stopped = deadline(clock, 10_000, [undefined, parent.signal]);
    await clock.advance(10);
    parent.abort();
    expect([late.signal.aborted, late.expired, stopped.signal.aborted, stopped.expired]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    late.end();
    stopped.end();
    expect(clock.timers).toBe(0);
  });

  it('gives up a wait that nothing else ends', async () => {
    const stop = new AbortController();
    const hung = orAbort(new Promise(() => undefined), stop.signal);
    stop.abort();
    await expect(hung).rejects.toThrow('aborted');
  });
});

describe('conditions', () => {
  it.each([
    { when: 'only the reason changes', next: ready('False', 'B'), time: '2026-01-01T00:00:01Z', same: false },
    {
      when: 'only the generation changes',
      next: ready('False', 'A', 2),
      time: '2026-01-01T00:00:01Z',
      same: false,
    },
    { when: 'the status flips', next: ready('True', 'A'), time: '2026-01-01T00:00:09Z', same: false },
    { when: 'nothing changes', next: ready('False', 'A'), time: '2026-01-01T00:00:01Z', same: true },
  ])('has the transition at $time when $when', ({ next, time, same }) => {
    const other: Condition = { ...ready('True', 'X'), type: 'Other', lastTransitionTime: 'then' };
    const before = setCondition([other], ready('False', 'A'), at(1));
    const after = setCondition([...before].toReversed(), next, at(9));
    expect(after).toEqual([{ ...next, lastTransitionTime: time }, other]);
    expect(setCondition(before, next, at(9)) === before).toBe(same);
  });

  it('writes whole seconds, and microseconds where a lease wants them', () => {
    expect(timestamp(at(1) + 234)).toBe('2026-01-01T00:00:01Z');
    expect(microTimestamp(at(1) + 234)).toBe('2026-01-01T00:00:01.234000Z');
  });
});

describe('store', () => {
  const byOwner = {
    owner: (it: { metadata: { labels?: Record<string, string> } }) => [it.metadata.labels?.['owner'] ?? ''],
  };

  it('finds objects by index, also after they moved or went', () => {
    const store = createStore({ clock: createFakeClock(), indexers: byOwner });
    store.put(object('a', 'x'));
    store.put(object('b', 'x'));
    store.put(object('a', 'y'));
    const names = (owner: string): string[] => store.byIndex('owner', owner).map((it) => it.metadata.name);
    expect([names('x'), names('y')]).toEqual([['b'], ['a']]);
    store.remove('ns/a');
    expect([names('x'), names('y'), store.list().length]).toEqual([['b'], [], 1]);
    expect(() => store.byIndex('colour', 'red')).toThrow('no index colour');
  });

  it('knows its age from the last sign of life', async () => {
    const clock = createFakeClock();
    const store = createStore({ clock });
    expect(store.lastEventAgeMs()).toBe(Number.POSITIVE_INFINITY);
    store.touch();
    await clock.advance(500);
    expect(store.lastEventAgeMs()).toBe(500);
  });
});

describe('lines', () => {
  it('joins what was cut between chunks, inside a character too, and drops an unfinished end', async () => {
    const bytes = new TextEncoder().encode('{"ä":1}\n\n{"b":2}\n{"c"');
    const lines: string[] = [];
    let fed = 0;
    for await (const line of linesOf(
      chunks(...Array.from(bytes, (byte) => Uint8Array.of(byte))),
      () => (fed += 1),
    )) {
      lines.push(line);
    }
    expect(lines).toEqual(['{"ä":1}', '{"b":2}']);
    expect(fed).toBe(bytes.length);
  });
});

describe('names', () => {
  it.each([
    { resource: { group: '', version: 'v1', plural: 'pods' }, want: '/api/v1/pods' },
    {
      resource: { group: 'apps', version: 'v1', plural: 'deployments', namespace: 'ns' },
      name: 'a',
      subresource: 'status',
      want: '/apis/apps/v1/namespaces/ns/deployments/a/status',
    },
  ])('puts a resource at $want', ({ resource, name, subresource, want }) => {
    expect(pathOf(resource, name, subresource)).toBe(want);
  });

  it('keys an object by namespace and name, and reads the key back', () => {
    expect(splitKey(keyOf({ metadata: { name: 'a', namespace: 'ns' } }))).toEqual({
      name: 'a',
      namespace: 'ns',
    });
    expect(splitKey(keyOf({ metadata: { name: 'a' } }))).toEqual({ name: 'a' });
  });
});
