/** The field shapes that both kinds share. Every string, list and map here carries a maximum: CEL's cost depends on it. */
import { z } from 'zod';
import { ruled } from './rules.ts';

/** What a spec looks like once read: nobody changes an object of the cache. */
export type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

const INT32_MAX = 2_147_483_647;

export function text(maxLength: number, description: string) {
  return z.string().min(1).max(maxLength).describe(description);
}

/** Text of a status, which may be empty. */
export function statusText(maxLength: number, description: string) {
  return z.string().max(maxLength).describe(description);
}

export function pattern(maxLength: number, regex: RegExp, description: string) {
  return z.string().max(maxLength).regex(regex).describe(description);
}

export function integer(minimum: number, maximum: number, description: string) {
  return z.int().min(minimum).max(maximum).describe(description);
}

export function count(description: string) {
  return integer(0, INT32_MAX, description);
}

export function seed(description: string) {
  return integer(0, INT32_MAX, description).default(7);
}

export function timestamp(description: string) {
  // Not z.iso.datetime(): it would emit a long pattern that takes only Z; the API server checks the format.
  return z.string().max(64).meta({ format: 'date-time', description });
}

/** A web address without user information: what a spec says is readable by everyone who may read the object. */
export function httpUrl(description: string) {
  return pattern(2048, /^https?:\/\/[^\s/@]+(\/\S*)?$/, description);
}

export function image(description: string) {
  return pattern(512, /^\S+$/, description);
}

/** The name of an object in the same namespace (a DNS subdomain). */
export function objectName(description: string) {
  return pattern(253, /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, description);
}

/** MLflow refuses `/` and `:` in the name of a registered model; we also leave out spaces, for addresses. */
export function modelName(description: string) {
  return pattern(128, /^[A-Za-z0-9][A-Za-z0-9._-]*$/, description);
}

export function modelAlias(description: string) {
  return ruled(pattern(63, /^[A-Za-z0-9_-]+$/, description), [
    {
      rule: "self != 'latest' && !self.matches('^[vV][0-9]+$')",
      message: 'MLflow reserves the aliases latest and v<number>; choose another, such as champion',
      holds: (self) => self !== 'latest' && !/^[vV][0-9]+$/.test(self),
    },
  ]);
}

export const sha256Digest = (description: string) => pattern(71, /^sha256:[0-9a-f]{64}$/, description);

const quantity = z
  .union([
    z.int().min(0).max(INT32_MAX),
    z
      .string()
      .max(32)
      .regex(/^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/),
  ])
  .meta({ 'x-kubernetes-int-or-string': true, description: 'A Kubernetes quantity, such as 500m or 2Gi.' });

function quantities(description: string) {
  return z.record(z.string(), quantity).meta({ maxProperties: 16, description });
}

/** `resources` of the one container, without a default: the operator's own apply where a field is absent. */
export function resources(description: string) {
  return z
    .strictObject({
      requests: quantities('What the scheduler sets aside for the container.').optional(),
      limits: quantities(
        'The most that the container may use; above its memory limit it is killed.',
      ).optional(),
    })
    .describe(description);
}

export function nodeSelector(description: string) {
  return z
    .record(z.string(), z.string().max(63).describe('The value that the label must have.'))
    .meta({ maxProperties: 16, description });
}

const condition = z
  .object({
    type: text(64, 'What the condition is about.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
    reason: text(128, 'One word for the cause; every reason is documented with who must act.'),
    message: statusText(4096, 'The cause in a sentence, for the person on call.'),
    lastTransitionTime: timestamp('When the status last changed.'),
    observedGeneration: z
      .int()
      .min(0)
      .optional()
      .describe('The generation of the spec that this condition speaks of.'),
  })
  .describe('One observation about the object.');

export type Condition = DeepReadonly<z.output<typeof condition>>;

export function conditions(description: string) {
  return z
    .array(condition)
    .max(16)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'], description });
}

export function observedGeneration() {
  return z.int().min(0).optional().describe('The generation of the spec that this status speaks of.');
}
