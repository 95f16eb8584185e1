/** The fields of a Deployment that the operator reads. */
import { z } from 'zod';
import type { KubeObject } from '../kube/index.ts';

const deploymentSchema = z.object({
  metadata: z.object({ name: z.string(), uid: z.string(), generation: z.number().default(0) }),
  spec: z.object({ replicas: z.number().default(1) }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      replicas: z.number().default(0),
      updatedReplicas: z.number().default(0),
      readyReplicas: z.number().default(0),
      availableReplicas: z.number().default(0),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            message: z.string().optional(),
          }),
        )
        .default([]),
    })
    .prefault({}),
});

/** `object` is the Deployment as it came. */
export type ServerDeployment = z.output<typeof deploymentSchema> & { readonly object: KubeObject };

export function readDeployment(object: KubeObject): ServerDeployment {
  return { ...deploymentSchema.parse(object), object };
}

/** Every pod is of the present template and available, and no older one is left. */
export function isRolledOut({ metadata, spec, status }: ServerDeployment): boolean {
  return (
    status.observedGeneration >= metadata.generation &&
    status.updatedReplicas === spec.replicas &&
    status.replicas === spec.replicas &&
    status.availableReplicas === spec.replicas
  );
}

export function conditionOf(deployment: ServerDeployment, type: string) {
  return deployment.status.conditions.find((condition) => condition.type === type);
}
