/** The fields of a Job that the operator reads. */
import { z } from 'zod';
import type { KubeObject } from '../kube/index.ts';

const jobSchema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({
    suspend: z.boolean().default(false),
    backoffLimit: z.number().optional(),
    activeDeadlineSeconds: z.number().optional(),
  }),
  status: z
    .object({
      startTime: z.string().optional(),
      failed: z.number().default(0),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            message: z.string().optional(),
            lastTransitionTime: z.string().optional(),
          }),
        )
        .default([]),
    })
    .default({ failed: 0, conditions: [] }),
});

/** `object` is the Job as it came. */
export type Job = z.output<typeof jobSchema> & { readonly object: KubeObject };

export function readJob(object: KubeObject): Job {
  return { ...jobSchema.parse(object), object };
}

export interface JobEnd {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
  readonly at: string | undefined;
}

/** How the Job ended, when it has. */
export function endOf(job: Job): JobEnd | undefined {
  for (const type of ['Complete', 'Failed'] as const) {
    const condition = job.status.conditions.find((entry) => entry.type === type && entry.status === 'True');
    if (condition !== undefined) {
      const { reason = '', message = '', lastTransitionTime } = condition;
      return { type, reason, message, at: lastTransitionTime };
    }
  }
  return undefined;
}
