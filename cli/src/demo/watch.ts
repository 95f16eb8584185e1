/** Follows one resource by `kubectl get`, once a second, until a rule says that it is done. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { DemoError, type DemoCode } from './errors.ts';
import type { Target } from './target.ts';

const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
});

/** The part of a TrainingRun or ModelDeployment that the demo reads. */
const resourceSchema = z.object({
  metadata: z.object({ generation: z.number().default(0) }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      conditions: z.array(conditionSchema).default([]),
      progress: z.object({ epoch: z.number(), epochs: z.number(), aucRoc: z.string().optional() }).optional(),
      evaluation: z.object({ accuracy: z.string(), aucRoc: z.string(), samples: z.number() }).optional(),
      model: z.object({ name: z.string(), version: z.string(), digest: z.string().optional() }).optional(),
      tracking: z.object({ experimentId: z.string().optional(), runId: z.string().optional() }).optional(),
      replicas: z.number().optional(),
      readyReplicas: z.number().optional(),
    })
    .prefault({}),
});
export type Resource = z.infer<typeof resourceSchema>;
export type Condition = z.infer<typeof conditionSchema>;

export function condition(resource: Resource, type: string): Condition | undefined {
  return resource.status.conditions.find((c) => c.type === type);
}

export interface Follow {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly deadlineMs: number;
  readonly code: DemoCode;
  /** `done`, a sentence that says why it failed for good, or undefined to go on. */
  readonly verdict: (resource: Resource) => 'done' | { readonly failed: string } | undefined;
  readonly show: (resource: Resource) => string;
}

/** @returns the resource at the moment it was done; throws DemoError with its last state otherwise */
export async function follow(
  target: Target,
  what: Follow,
  progress: (text: string) => void,
): Promise<Resource> {
  const deadline = performance.now() + what.deadlineMs;
  let last = '';
  while (performance.now() < deadline) {
    const text = await target.kubectl(['-n', what.namespace, 'get', what.kind, what.name, '-o', 'json']);
    const resource = resourceSchema.parse(JSON.parse(text));
    // A status that is older than the spec speaks of something else.
    if (resource.status.observedGeneration >= resource.metadata.generation) {
      const verdict = what.verdict(resource);
      if (verdict === 'done') return resource;
      if (verdict !== undefined)
        throw new DemoError(what.code, `${what.kind}/${what.name}: ${verdict.failed}`);
    }
    last = what.show(resource);
    progress(last);
    await sleep(1_000);
  }
  const minutes = (what.deadlineMs / 60_000).toFixed(0);
  throw new DemoError(
    what.code,
    `${what.kind}/${what.name} was not done within ${minutes} minutes; last: ${last}`,
  );
}
