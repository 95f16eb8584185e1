/**
 * Remembers children that were created and not yet seen in the store, so that a store that is behind cannot make a
 * reconcile create twice (as kuberay and Kueue do). In memory only: after a restart the first list is complete, and
 * deterministic names make a repeated create collide.
 */
import type { Clock } from './clock.ts';

export interface Expectations {
  /** Call just before the create; and `seen` if it then fails. */
  expect(owner: string, child: string): void;
  /** The child came by the watch, in whatever state, or will never come. */
  seen(owner: string, child: string): void;
  /** Children that the store does not know yet: while there are any, do not decide on what it holds. */
  pending(owner: string): readonly string[];
  /** The owner is gone. */
  forget(owner: string): void;
}

/** An expectation ends by itself after `ttlMs` (default 5 min): a watch that is later than that has other problems. */
export function createExpectations(options: {
  readonly clock: Clock;
  readonly ttlMs?: number;
}): Expectations {
  const { clock, ttlMs = 300_000 } = options;
  const owners = new Map<string, Map<string, number>>();

  return {
    expect: (owner, child) => {
      const children = owners.get(owner) ?? new Map<string, number>();
      children.set(child, clock.elapsed());
      owners.set(owner, children);
    },
    seen: (owner, child) => {
      const children = owners.get(owner);
      children?.delete(child);
      if (children?.size === 0) owners.delete(owner);
    },
    pending: (owner) => {
      const children = owners.get(owner);
      if (children === undefined) return [];
      for (const [child, since] of children) if (clock.elapsed() - since >= ttlMs) children.delete(child);
      if (children.size === 0) owners.delete(owner);
      return [...children.keys()];
    },
    forget: (owner) => {
      owners.delete(owner);
    },
  };
}
