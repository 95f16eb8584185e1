/** Events (events.k8s.io/v1), so that `kubectl describe` tells the story of an object. */
import type { Clock } from './clock.ts';
import { microTimestamp } from './conditions.ts';
import { isNotFound } from './errors.ts';
import { pathOf, type KubeObject } from './object.ts';
import type { Transport } from './transport.ts';

interface NewEvent {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, why: `JobCreated`. */
  readonly reason: string;
  /** CamelCase, what was done or tried: `CreateJob`. */
  readonly action: string;
  /** For people; cut at 1,024 characters. */
  readonly note: string;
}

export interface Recorder {
  /** Records and returns at once. An event that repeats within 10 minutes becomes a count on the first. */
  event(object: KubeObject, event: NewEvent): void;
  /** Resolves when what was recorded has been sent, or has failed. */
  flush(): Promise<void>;
}

export interface RecorderOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Who reports: the program … */
  readonly controller: string;
  /** … and which process of it. */
  readonly instance: string;
  /** Events are a courtesy: a failed one is told here and dropped. */
  readonly onProblem?: (problem: unknown) => void;
}

interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastAt: number;
  writtenAt: number;
}

const SERIES_MS = 600_000;
/** A repeating event is written again at most so often. */
const REWRITE_MS = 60_000;
const MAX_SERIES = 1_000;
const MAX_IN_FLIGHT = 50;

export function createRecorder(options: RecorderOptions): Recorder {
  const { transport, clock } = options;
  /** In order of last use. */
  const series = new Map<string, Series>();
  const inFlight = new Set<Promise<void>>();
  let sequence = 0;

  function send(work: () => Promise<unknown>): void {
    // A storm of events must not become a storm of calls.
    if (inFlight.size >= MAX_IN_FLIGHT) return;
    const sent: Promise<void> = work().then(
      () => undefined,
      (error: unknown) => options.onProblem?.(error),
    );
    inFlight.add(sent);
    void sent.finally(() => inFlight.delete(sent));
  }

  function path(of: Series, name?: string): string {
    return pathOf({ group: 'events.k8s.io', version: 'v1', plural: 'events', namespace: of.namespace }, name);
  }

  function first(object: KubeObject, event: NewEvent): Series {
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const now = clock.now();
    sequence = (sequence + 1) % 1000;
    const entry = {
      // As client-go: the object's name and a number that does not repeat. 253 is the limit of a name.
      name: `${name.slice(0, 230)}.${(now * 1000 + sequence).toString(16)}`,
      // Events on objects without a namespace live in `default`, by rule of the API server.
      namespace: namespace ?? 'default',
    };
    const made: Series = { ...entry, count: 1, lastAt: clock.elapsed(), writtenAt: clock.elapsed() };
    const body = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: entry,
      eventTime: microTimestamp(now),
      reportingController: options.controller,
      reportingInstance: options.instance,
      regarding: { apiVersion: object.apiVersion, kind: object.kind, name, namespace, uid, resourceVersion },
      ...event,
      note: event.note.slice(0, 1024),
    };
    send(() => transport.request('POST', path(made), { body }));
    return made;
  }

  function again(entry: Series, key: string): void {
    entry.count += 1;
    entry.lastAt = clock.elapsed();
    if (entry.count > 2 && clock.elapsed() - entry.writtenAt < REWRITE_MS) return;
    entry.writtenAt = clock.elapsed();
    const body = { series: { count: entry.count, lastObservedTime: microTimestamp(clock.now()) } };
    const contentType = 'application/merge-patch+json';
    send(async () => {
      try {
        await transport.request('PATCH', path(entry, entry.name), { body, contentType });
      } catch (error) {
        // It expired (an hour, by default) or was never taken: the next one is a first again.
        if (isNotFound(error)) series.delete(key);
        else throw error;
      }
    });
  }

  return {
    event: (object, event) => {
      const key = JSON.stringify([object.metadata.uid, event.type, event.reason, event.action, event.note]);
      const entry = series.get(key);
      series.delete(key);
      if (entry !== undefined && clock.elapsed() - entry.lastAt < SERIES_MS) {
        series.set(key, entry);
        again(entry, key);
        return;
      }
      series.set(key, first(object, event));
      const [oldest] = series.keys();
      if (series.size > MAX_SERIES && oldest !== undefined) series.delete(oldest);
    },
    flush: async () => {
      await Promise.all(inFlight);
    },
  };
}
