import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from './clock.ts';
import { decodeObject } from './decode.ts';
import { createElector } from './elector.ts';
import { createFakeClock, type FakeClock } from './test/fake-clock.ts';
import { createLeaseServer, type Fate } from './test/lease-server.ts';

const well: Fate = { requestMs: 5, answerMs: 5 };

/** One process that stands for election again and again, as a pod that restarts does. */
function candidate(options: {
  readonly name: string;
  readonly clock: Clock;
  readonly server: ReturnType<typeof createLeaseServer>;
  readonly fate: () => Fate;
  readonly leaders: Set<string>;
}) {
  const { name, clock, leaders } = options;
  const stop = new AbortController();
  const outcomes: string[] = [];
  let restarts = 0;
  const life = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const identity = `${name}-${(restarts += 1)}`;
      const elector = createElector({
        transport: options.server.connect(options.fate),
        namespace: 'ns',
        name: 'lock',
        identity,
        clock,
        random: () => 0.5,
      });
      const outcome = await elector.run(async (lost) => {
        leaders.add(name);
        expect([...leaders]).toEqual([name]);
        const end = (): void => void leaders.delete(name);
        lost.addEventListener('abort', end, { once: true });
        await new Promise<void>((resolve) => {
          stop.signal.addEventListener('abort', () => resolve(), { once: true });
          lost.addEventListener('abort', () => resolve(), { once: true });
        });
        end();
      }, stop.signal);
      outcomes.push(outcome);
    }
  };
  return { stop: () => stop.abort(), done: life(), outcomes };
}

/** A clock that goes wrong by a day and a few per cent. */
function skewed(clock: FakeClock, offsetMs: number, rate: number): Clock {
  return {
    now: () => clock.now() + offsetMs,
    elapsed: () => clock.elapsed() * rate,
    after: (ms, run) => clock.after(ms / rate, run),
  };
}

describe('elector', () => {
  it('hands over at once when the leader stops, and counts the transition', async () => {
    const clock = createFakeClock();
    const server = createLeaseServer(clock);
    const leaders = new Set<string>();
    const a = candidate({ name: 'a', clock, server, fate: () => well, leaders });
    await clock.advance(100);
    const b = candidate({ name: 'b', clock, server, fate: () => well, leaders });
    await clock.advance(60_000);
    expect([...leaders]).toEqual(['a']);
    a.stop();
    await clock.advance(4_500);
    expect([...leaders]).toEqual(['b']);
    b.stop();
    await clock.advance(1_000);
    await Promise.all([a.done, b.done]);
    expect([a.outcomes, b.outcomes, server.holder]).toEqual([['stopped'], ['stopped'], '']);
  });

  it('gives up 10 s after its last renewal, and another leads within 17 s', async () => {
    const clock = createFakeClock();
    const server = createLeaseServer(clock);
    const leaders = new Set<string>();
    let cut = false;
    const a = candidate({
      name: 'a',
      clock,
      server,
      fate: () => (cut ? { ...well, lost: 'request' } : well),
      leaders,
    });
    await clock.advance(100);
    const b = candidate({ name: 'b', clock, server, fate: () => well, leaders });
    await clock.advance(30_000);
    expect([...leaders]).toEqual(['a']);
    cut = true;
    await clock.advance(10_001);
    expect([...leaders]).toEqual([]);
    expect(a.outcomes).toEqual(['lost']);
    await clock.advance(7_000);
    expect([...leaders]).toEqual(['b']);
    a.stop();
    b.stop();
    await clock.advance(20_000);
    await Promise.all([a.done, b.done]);
  });

  it('keeps the lease when someone else puts a label on it', async () => {
    const clock = createFakeClock();
    const server = createLeaseServer(clock);
    const leaders = new Set<string>();
    const a = candidate({ name: 'a', clock, server, fate: () => well, leaders });
    await clock.advance(5_000);
    const other = server.connect(() => well);
    const editing = other.request('GET', '').then((body) => other.request('PUT', '', { body }));
    await clock.advance(60_000);
    await editing;
    expect([...leaders, ...a.outcomes]).toEqual(['a']);
    a.stop();
    await clock.advance(1_000);
    await a.done;
  });

  it('steps down at once when another name is in the lease, and does not take it back', async () => {
    const clock = createFakeClock();
    const server = createLeaseServer(clock);
    const leaders = new Set<string>();
    const a = candidate({ name: 'a', clock, server, fate: () => well, leaders });
    await clock.advance(5_000);
    const thief = server.connect(() => well);
    const theft = thief
      .request('GET', '')
      .then(decodeObject)
      .then((lease) => thief.request('PUT', '', { body: { ...lease, spec: { holderIdentity: 'thief' } } }));
    await clock.advance(2_100);
    await theft;
    expect([server.holder, ...leaders, ...a.outcomes]).toEqual(['thief', 'lost']);
    a.stop();
    await clock.advance(20_000);
    await a.done;
  });

  it('steps down when it was frozen for longer than the lease, before it works on', async () => {
    const clock = createFakeClock();
    const server = createLeaseServer(clock);
    const leaders = new Set<string>();
    let frozenMs = 0;
    const a = candidate({
      name: 'a',
      clock: { ...skewed(clock, 0, 1), elapsed: () => clock.elapsed() + frozenMs },
      server,
      fate: () => well,
      leaders,
    });
    await clock.advance(5_000);
    frozenMs = 60_000; // the process wakes up to find its own clock far ahead
    await clock.advance(2_100);
    expect(a.outcomes).toEqual(['lost']);
    a.stop();
    await clock.advance(20_000);
    await a.done;
  });

  it('never has two leaders under delays, losses, partitions, skewed and drifting clocks; has one when all is well', async () => {
    const fate = fc.oneof(
      { weight: 6, arbitrary: fc.constant(well) },
      { weight: 2, arbitrary: fc.record({ requestMs: fc.nat(6_000), answerMs: fc.nat(6_000) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          requestMs: fc.nat(20_000),
          answerMs: fc.nat(1_000),
          lost: fc.constantFrom<'request' | 'answer'>('request', 'answer'),
        }),
      },
    );
    const world = fc.record({
      fates: fc.array(fc.array(fate, { minLength: 20, maxLength: 60 }), { minLength: 3, maxLength: 3 }),
      /** Seconds from … for …, in which nothing gets through. */
      cuts: fc.array(fc.tuple(fc.nat(200), fc.nat(60)), { minLength: 3, maxLength: 3 }),
      offsets: fc.array(fc.integer({ min: -86_400_000, max: 86_400_000 }), { minLength: 3, maxLength: 3 }),
      rates: fc.array(fc.double({ min: 0.95, max: 1.05, noNaN: true }), { minLength: 3, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ fates, cuts, offsets, rates }) => {
        const clock = createFakeClock();
        const server = createLeaseServer(clock);
        const leaders = new Set<string>();
        const all = ['a', 'b', 'c'].map((name, index) => {
          const plan = [...(fates[index] ?? [])];
          const own = skewed(clock, offsets[index] ?? 0, rates[index] ?? 1);
          const [from, length] = cuts[index] ?? [0, 0];
          const fate = (): Fate => {
            const second = clock.elapsed() / 1000;
            if (second >= from && second < from + length) return { ...well, lost: 'request' };
            return plan.shift() ?? well;
          };
          return candidate({ name, clock: own, server, fate, leaders });
        });
        for (let second = 0; second < 300; second++) {
          await clock.advance(1_000);
          expect(leaders.size).toBeLessThan(2);
        }
        // The cuts are over, the plans used up: two minutes of a good network.
        await clock.advance(120_000);
        expect(leaders.size).toBe(1);
        for (const { stop } of all) stop();
        await clock.advance(60_000);
        await Promise.all(all.map(({ done }) => done));
      }),
      { numRuns: 40 },
    );
  });
});
