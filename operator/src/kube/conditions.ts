/** Status conditions (metav1.Condition). Pure. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase, for machines. */
  readonly reason: string;
  /** For the person on call. */
  readonly message: string;
  /** RFC 3339, seconds. */
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

export type NewCondition = Omit<Condition, 'lastTransitionTime'>;

/**
 * The list with `condition` in it, in its old place or last. `lastTransitionTime` moves only when the status flips.
 * The same list comes back when nothing changed, so that callers can tell by identity. `now` is in milliseconds.
 */
export function setCondition(
  list: readonly Condition[],
  condition: NewCondition,
  now: number,
): readonly Condition[] {
  const old = findCondition(list, condition.type);
  const lastTransitionTime = old?.status === condition.status ? old.lastTransitionTime : timestamp(now);
  const next: Condition = { ...condition, lastTransitionTime };
  if (old === undefined) return [...list, next];
  return same(old, next) ? list : list.map((entry) => (entry === old ? next : entry));
}

export function findCondition(list: readonly Condition[], type: string): Condition | undefined {
  return list.find((entry) => entry.type === type);
}

/** metav1.Time: RFC 3339 in whole seconds. */
export function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** metav1.MicroTime. Six digits: with the three of JavaScript the API server refuses the object. */
export function microTimestamp(now: number): string {
  return new Date(now).toISOString().replace(/Z$/, '000Z');
}

function same(a: Condition, b: Condition): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.message === b.message &&
    a.observedGeneration === b.observedGeneration
  );
}
