/** A ModelDeployment as the operator works on it. */
import {
  API_VERSION,
  type ModelDeploymentSpec,
  type ModelDeploymentStatus,
  modelDeploymentSpecSchema,
  modelDeploymentStatusSchema,
} from '@hilum/crds';
import { z } from 'zod';
import type { KubeObject } from '../kube/index.ts';
import type { Owner } from '../labels.ts';

const KIND = 'ModelDeployment';

export interface ModelDeployment {
  readonly owner: Owner;
  readonly generation: number;
  readonly deleting: boolean;
  /** What is wrong with a stored spec that this operator does not understand, or the spec. */
  readonly spec: { readonly problem: string } | ModelDeploymentSpec;
  readonly status: ModelDeploymentStatus;
}

export function readModelDeployment(object: KubeObject): ModelDeployment {
  const { name, namespace = '', uid = '', generation = 0, deletionTimestamp } = object.metadata;
  const spec = modelDeploymentSpecSchema.safeParse(object['spec']);
  const status = modelDeploymentStatusSchema.safeParse(object['status'] ?? {});
  return {
    owner: { apiVersion: API_VERSION, kind: KIND, name, namespace, uid },
    generation,
    deleting: deletionTimestamp !== undefined,
    spec: spec.success ? spec.data : { problem: z.prettifyError(spec.error) },
    // Ours alone; if someone broke it, it is computed anew.
    status: status.success ? status.data : {},
  };
}

export function isUnderstood(spec: ModelDeployment['spec']): spec is ModelDeploymentSpec {
  return !('problem' in spec);
}
