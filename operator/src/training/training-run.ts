/** A TrainingRun as the operator works on it. */
import {
  type TrainingRunSpec,
  type TrainingRunStatus,
  trainingRunSpecSchema,
  trainingRunStatusSchema,
} from '@hilum/crds';
import { API_VERSION } from '@hilum/crds';
import { z } from 'zod';
import type { KubeObject } from '../kube/index.ts';
import type { Owner } from '../labels.ts';

const TRAINING_RUN_KIND = 'TrainingRun';

export interface TrainingRun {
  readonly owner: Owner;
  readonly generation: number;
  readonly deletionTimestamp?: string;
  readonly finalizers: readonly string[];
  /** What is wrong with a stored spec that this operator does not understand, or the spec. */
  readonly spec: { readonly problem: string } | TrainingRunSpec;
  readonly status: TrainingRunStatus;
}

export function readTrainingRun(object: KubeObject): TrainingRun {
  const {
    name,
    namespace = '',
    uid = '',
    generation = 0,
    deletionTimestamp,
    finalizers = [],
  } = object.metadata;
  const spec = trainingRunSpecSchema.safeParse(object['spec']);
  const status = trainingRunStatusSchema.safeParse(object['status'] ?? {});
  return {
    owner: { apiVersion: API_VERSION, kind: TRAINING_RUN_KIND, name, namespace, uid },
    generation,
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    finalizers,
    spec: spec.success ? spec.data : { problem: z.prettifyError(spec.error) },
    // Ours alone; if someone broke it, it is computed anew.
    status: status.success ? status.data : {},
  };
}

export function isUnderstood(spec: TrainingRun['spec']): spec is TrainingRunSpec {
  return !('problem' in spec);
}
