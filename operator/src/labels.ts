/** Labels of everything the operator makes, and how a child names its owner. */
import type { KubeObject, OwnerReference } from './kube/index.ts';

export const MANAGED_BY = { key: 'app.kubernetes.io/managed-by', value: 'hilum' } as const;
/** Names the TrainingRun of a Job or pod, or the ModelDeployment of its children. Names fit a label by the CRD's rule. */
export const TRAINING_RUN_LABEL = 'hilum.dev/trainingrun';
export const MODEL_DEPLOYMENT_LABEL = 'hilum.dev/modeldeployment';

export const FIELD_MANAGER = 'hilum-operator';
export const STATUS_MANAGER = 'hilum-operator-status';

/** Labels that the recommended label set asks for, with the one that leads back to the owner. */
export function childLabels(
  component: 'trainer' | 'server',
  ownerLabel: typeof TRAINING_RUN_LABEL | typeof MODEL_DEPLOYMENT_LABEL,
  ownerName: string,
): Record<string, string> {
  return {
    'app.kubernetes.io/name': `hilum-${component}`,
    'app.kubernetes.io/instance': ownerName,
    'app.kubernetes.io/part-of': 'hilum',
    [MANAGED_BY.key]: MANAGED_BY.value,
    [ownerLabel]: ownerName,
  };
}

/** What a builder of children needs to know of the owner. */
export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

export function ownerReference({ apiVersion, kind, name, uid }: Owner): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export function isControlledBy(object: Pick<KubeObject, 'metadata'>, uid: string): boolean {
  return (
    object.metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) ?? false
  );
}
