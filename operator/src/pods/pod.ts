/** The fields of a pod that the operator reads. */
import { z } from 'zod';
import type { KubeObject } from '../kube/index.ts';

const terminated = z.object({
  exitCode: z.number(),
  reason: z.string().optional(),
  message: z.string().optional(),
  finishedAt: z.string().nullish(),
});

const containerStatus = z.object({
  name: z.string(),
  ready: z.boolean().default(false),
  restartCount: z.number().default(0),
  state: z
    .object({
      waiting: z.object({ reason: z.string().optional(), message: z.string().optional() }).optional(),
      running: z.object({ startedAt: z.string().nullish() }).optional(),
      terminated: terminated.optional(),
    })
    .default({}),
  lastState: z.object({ terminated: terminated.optional() }).default({}),
});

const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    creationTimestamp: z.string(),
    deletionTimestamp: z.string().optional(),
    ownerReferences: z.array(z.object({ uid: z.string() })).default([]),
  }),
  status: z
    .object({
      phase: z.string().default('Pending'),
      reason: z.string().optional(),
      message: z.string().optional(),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            message: z.string().optional(),
            lastTransitionTime: z.string().nullish(),
          }),
        )
        .default([]),
      containerStatuses: z.array(containerStatus).default([]),
    })
    .default({ phase: 'Pending', conditions: [], containerStatuses: [] }),
});

export type Pod = z.output<typeof podSchema>;
export type ContainerStatus = z.output<typeof containerStatus>;

export function readPod(object: KubeObject): Pod {
  return podSchema.parse(object);
}

/** When a pod that is over came to its end, as nearly as its status tells; milliseconds since 1970. */
export function endedAtMs({ metadata, status }: Pod): number {
  const times = [
    metadata.creationTimestamp,
    ...status.conditions.map(({ lastTransitionTime }) => lastTransitionTime),
    ...status.containerStatuses.map(({ state }) => state.terminated?.finishedAt),
  ];
  return Math.max(...times.flatMap((time) => (typeof time === 'string' ? [Date.parse(time)] : [])));
}
