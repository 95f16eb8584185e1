/**
 * One leader among many processes, by a Lease object; client-go's protocol and defaults (15/10/2 s).
 *
 * Clocks of different machines are never compared: a candidate measures, on its own clock, how long the lease has not
 * changed. The holder gives up `renewDeadlineMs` after its last renewal began, well before anyone may take over.
 */
import { deadline, sleep, type Clock } from './clock.ts';
import { microTimestamp } from './conditions.ts';
import { decodeObject, isJson } from './decode.ts';
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import { pathOf, type KubeObject } from './object.ts';
import type { Transport } from './transport.ts';

export interface ElectorOptions {
  readonly transport: Transport;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Unique per process: a pod's name and something random. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Others wait so long for a silent holder; default 15 s. */
  readonly leaseMs?: number;
  /** The holder gives up after so long without a renewal; default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Between attempts; default 2 s. */
  readonly retryMs?: number;
  /** Told when this process begins and ceases to lead. */
  readonly onLeading?: (leading: boolean) => void;
  /** Told of each failed attempt. */
  readonly onProblem?: (problem: unknown) => void;
}

export interface Elector {
  /**
   * Waits to lead, then runs `lead` while the lease is renewed. `stopped`: `lead` returned (or `stop` aborted before it
   * began) and the lease was given back. `lost`: the lease could not be renewed in time; the signal given to `lead` has
   * aborted and the process should exit, as another may lead from now on. A throw of `lead` comes through, after release.
   */
  run(lead: (lost: AbortSignal) => Promise<void>, stop: AbortSignal): Promise<'stopped' | 'lost'>;
}

interface LeaseSpec {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions: number;
}

/** The lease as last seen, and since when it is so by our own clock. */
interface Observation {
  readonly object: KubeObject;
  readonly spec: LeaseSpec;
  readonly since: number;
}

export function createElector(options: ElectorOptions): Elector {
  const { transport, identity, clock, random } = options;
  const { leaseMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2_000 } = options;
  const collection = {
    group: 'coordination.k8s.io',
    version: 'v1',
    plural: 'leases',
    namespace: options.namespace,
  };
  const path = pathOf(collection, options.name);
  let seen: Observation | undefined;

  /** Remembers an answer; `since` moves only when the holder's part of the lease did. */
  function observe(answer: unknown): Observation {
    const object = decodeObject(answer);
    const spec = leaseSpec(object);
    const unchanged = seen !== undefined && JSON.stringify(seen.spec) === JSON.stringify(spec);
    seen = { object, spec, since: unchanged && seen !== undefined ? seen.since : clock.elapsed() };
    return seen;
  }

  /** By the longer of the holder's word and our own, in case the two run with different settings. */
  function untilExpiryMs({ spec, since }: Observation): number {
    return since + Math.max(leaseMs, spec.leaseDurationSeconds * 1000) - clock.elapsed();
  }

  const call = (method: 'GET' | 'PUT' | 'POST', body: unknown, signal?: AbortSignal): Promise<unknown> => {
    const to = method === 'POST' ? pathOf(collection) : path;
    // Two attempts fit into the deadline, so that one lost answer does not cost the lease.
    return transport.request(method, to, {
      body,
      signal,
      timeoutMs: renewDeadlineMs / 2 - 100,
      urgent: true,
    });
  };

  /** Writes our claim over what was seen; a 409 means that someone else wrote first. */
  async function claim(over: Observation, signal: AbortSignal): Promise<void> {
    const now = microTimestamp(clock.now());
    const mine = over.spec.holderIdentity === identity;
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: mine ? (over.spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: over.spec.leaseTransitions + (mine ? 0 : 1),
    };
    observe(await call('PUT', { ...over.object, spec }, signal));
  }

  async function createLease(signal: AbortSignal): Promise<void> {
    const now = microTimestamp(clock.now());
    const spec: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    };
    const metadata = { name: options.name, namespace: options.namespace };
    observe(
      await call('POST', { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }, signal),
    );
  }

  /** One attempt to get the lease; true when it is ours. */
  async function tryAcquire(signal: AbortSignal): Promise<boolean> {
    let current: Observation;
    try {
      current = observe(await call('GET', undefined, signal));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await createLease(signal);
      return true;
    }
    const { holderIdentity } = current.spec;
    const free = holderIdentity === '' || holderIdentity === identity;
    if (!free && untilExpiryMs(current) > 0) return false;
    await claim(current, signal);
    return true;
  }

  /** True when the lease was renewed, false when someone else has it. */
  async function renew(signal: AbortSignal): Promise<boolean> {
    try {
      if (seen !== undefined) await claim(seen, signal);
      return true;
    } catch (error) {
      options.onProblem?.(error);
      // A conflict may be a label put on the lease, or our own write whose answer was lost: look.
      const current = observe(await call('GET', undefined, signal));
      if (current.spec.holderIdentity !== identity) return false;
      await claim(current, signal);
      return true;
    }
  }

  /** Renews until `done` aborts (resolves true) or leadership is lost (false). `from`: when the last claim began. */
  async function keep(from: number, done: AbortSignal): Promise<boolean> {
    let last = from;
    for (;;) {
      await sleep(clock, Math.min(retryMs, Math.max(0, last + renewDeadlineMs - clock.elapsed())), done);
      if (done.aborted) return true;
      const began = clock.elapsed();
      const left = last + renewDeadlineMs - began;
      if (left <= 0) return false;
      const limit = deadline(clock, left, [done]);
      try {
        if (!(await renew(limit.signal))) return false;
        last = began;
      } catch (error) {
        if (!done.aborted) options.onProblem?.(error);
      } finally {
        limit.end();
      }
    }
  }

  async function release(): Promise<void> {
    if (seen?.spec.holderIdentity !== identity) return;
    const now = microTimestamp(clock.now());
    const spec = {
      ...seen.spec,
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: now,
      acquireTime: now,
    };
    try {
      await call('PUT', { ...seen.object, spec }, undefined);
    } catch (error) {
      // Others take over when it runs out.
      options.onProblem?.(error);
    }
  }

  /** Resolves with the time at which the winning attempt began; undefined when `stop` aborted. */
  async function acquire(stop: AbortSignal): Promise<number | undefined> {
    while (!stop.aborted) {
      const began = clock.elapsed();
      try {
        if (await tryAcquire(stop)) return began;
      } catch (error) {
        // Another candidate was first: no problem.
        const beaten = isConflict(error) || isAlreadyExists(error);
        if (!beaten && !stop.aborted) options.onProblem?.(error);
      }
      // Often enough to see each renewal soon, jittered so that candidates do not go in step, and just when it expires:
      // a silent leader is replaced within leaseMs + retryMs.
      const retry = retryMs * (1 - 0.5 * random());
      const expiry = seen === undefined ? retry : untilExpiryMs(seen);
      await sleep(clock, expiry > 0 ? Math.min(retry, expiry) : retry, stop);
    }
    return undefined;
  }

  return {
    run: async (lead, stop) => {
      const began = await acquire(stop);
      if (began === undefined) {
        await release(); // an attempt may have won while `stop` aborted
        return 'stopped';
      }
      const lost = new AbortController();
      const done = new AbortController();
      options.onLeading?.(true);
      const leading = lead(lost.signal);
      const over = leading.finally(() => done.abort());
      over.catch(() => undefined); // awaited below unless the lease is lost first
      const kept = await keep(began, done.signal);
      options.onLeading?.(false);
      if (!kept) {
        lost.abort();
        return 'lost';
      }
      try {
        await over;
      } finally {
        await release();
      }
      return 'stopped';
    },
  };
}

function leaseSpec(object: KubeObject): LeaseSpec {
  const raw = isJson(object['spec']) ? object['spec'] : {};
  const acquireTime = text(raw['acquireTime']);
  const renewTime = text(raw['renewTime']);
  return {
    holderIdentity: text(raw['holderIdentity']) ?? '',
    leaseDurationSeconds: count(raw['leaseDurationSeconds']),
    leaseTransitions: count(raw['leaseTransitions']),
    ...(acquireTime === undefined ? {} : { acquireTime }),
    ...(renewTime === undefined ? {} : { renewTime }),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
