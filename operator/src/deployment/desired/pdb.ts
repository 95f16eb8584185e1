/** The PodDisruptionBudget of a ModelDeployment; none for a single pod, which it would make undrainable. */
import type { ModelDeploymentSpec } from '@hilum/crds';
import type { KubeObject } from '../../kube/index.ts';
import { MODEL_DEPLOYMENT_LABEL, childLabels, ownerReference, type Owner } from '../../labels.ts';
import { childName, podSelector } from '../names.ts';

export function serverDisruptionBudget(owner: Owner, spec: ModelDeploymentSpec): KubeObject | undefined {
  const least = spec.scaling?.minReplicas ?? spec.replicas ?? 1;
  if (least < 2) return undefined;
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: {
      name: childName(owner),
      namespace: owner.namespace,
      labels: childLabels('server', MODEL_DEPLOYMENT_LABEL, owner.name),
      ownerReferences: [ownerReference(owner)],
    },
    spec: { maxUnavailable: 1, selector: { matchLabels: podSelector(owner) } },
  };
}
