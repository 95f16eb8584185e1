/**
 * Answers from outside the cluster (MLflow), asked in the background.
 *
 * A reconcile reads the last answer and goes on; the key is woken when a new one is there. So a server that hangs
 * holds no worker, and what depends on Kubernetes alone goes on at full speed.
 */
import type { Clock } from './kube/index.ts';

export interface Answer<A> {
  /** The last good answer; it stays while later attempts fail. */
  readonly value?: A;
  /** What the last attempt failed with; absent when it went well. */
  readonly error?: unknown;
}

export interface Poller<Q, A> {
  /**
   * The last answer to this question, undefined before the first. Asks anew where that is older than `everyMs`; a
   * changed question drops the old answer.
   */
  ask(key: string, question: Q, everyMs: number): Answer<A> | undefined;
  forget(key: string): void;
}

export interface PollerOptions<Q, A> {
  readonly fetch: (question: Q, signal: AbortSignal) => Promise<A>;
  readonly clock: Clock;
  /** Aborts everything. */
  readonly signal: AbortSignal;
  /** Called when an answer, good or bad, is in. */
  readonly onAnswer: (key: string) => void;
  /** Questions at a time; default 8, which MLflow on SQLite bears. */
  readonly parallel?: number;
}

interface Entry<A> {
  readonly question: string;
  readonly answer: Answer<A> | undefined;
  readonly askedAtMs: number;
  readonly asking: boolean;
}

export function createPoller<Q, A>(options: PollerOptions<Q, A>): Poller<Q, A> {
  const { clock, signal, parallel = 8 } = options;
  const entries = new Map<string, Entry<A>>();
  const waiting: (() => Promise<void>)[] = [];
  const running = new Set<Promise<void>>();

  function start(): void {
    while (running.size < parallel) {
      const next = waiting.shift();
      if (next === undefined) return;
      const work = next().finally(() => {
        running.delete(work);
        start();
      });
      running.add(work);
    }
  }

  async function attempt(key: string, question: Q, text: string): Promise<void> {
    let outcome: Answer<A>;
    try {
      outcome = { value: await options.fetch(question, signal) };
    } catch (error) {
      outcome = { error };
    }
    const entry = entries.get(key);
    // Forgotten, or another question since: nobody waits for this answer.
    if (signal.aborted || entry?.question !== text) return;
    entries.set(key, { ...entry, answer: { ...entry.answer, error: undefined, ...outcome }, asking: false });
    options.onAnswer(key);
  }

  return {
    ask: (key, question, everyMs) => {
      const text = JSON.stringify(question);
      const before = entries.get(key);
      const known = before?.question === text ? before : undefined;
      const now = clock.elapsed();
      if (known !== undefined && (known.asking || now - known.askedAtMs < everyMs)) return known.answer;
      entries.set(key, { question: text, answer: known?.answer, askedAtMs: now, asking: true });
      waiting.push(() => attempt(key, question, text));
      start();
      return known?.answer;
    },
    forget: (key) => {
      entries.delete(key);
    },
  };
}
