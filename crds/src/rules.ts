/**
 * Rules across fields, each written twice in one place: as CEL for the API server and as a check for zod.
 *
 * zod drops a plain `.refine()` silently when it emits a schema, so the rooms never call it for a CRD: they use `ruled`.
 */
import type { z } from 'zod';

export interface Rule<T> {
  /** CEL over `self`. */
  readonly rule: string;
  /** Says what is wrong and what to do; shown by kubectl. */
  readonly message: string;
  /** The twin of `rule`. */
  readonly holds: (self: T) => boolean;
}

interface CelRule {
  readonly rule: string;
  readonly message: string;
}

const KEY = 'x-kubernetes-validations';

/** Adds the rules to a schema: as a refinement and as `x-kubernetes-validations`. */
export function ruled<S extends z.ZodType>(schema: S, rules: readonly Rule<z.output<S>>[]): S {
  let result = schema;
  for (const { rule, message, holds } of rules) {
    result = celRule(
      result.refine((value) => holds(value), { message }),
      { rule, message },
    );
  }
  return result;
}

/** A field that may not change after creation. Only the API server sees the old object, so zod has no part in it. */
export function immutable<S extends z.ZodType>(schema: S, message: string): S {
  return celRule(schema, { rule: 'self == oldSelf', message });
}

function celRule<S extends z.ZodType>(schema: S, rule: CelRule): S {
  const before = schema.meta() ?? {};
  const known = (before[KEY] ?? []) as readonly CelRule[];
  return schema.meta({ ...before, [KEY]: [...known, rule] });
}
