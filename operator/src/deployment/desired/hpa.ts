/** The HorizontalPodAutoscaler of a ModelDeployment; none without `spec.scaling`. */
import type { ModelDeploymentSpec } from '@hilum/crds';
import type { KubeObject } from '../../kube/index.ts';
import { MODEL_DEPLOYMENT_LABEL, childLabels, ownerReference, type Owner } from '../../labels.ts';
import { childName } from '../names.ts';

export function serverAutoscaler(owner: Owner, { scaling }: ModelDeploymentSpec): KubeObject | undefined {
  if (scaling === undefined) return undefined;
  const averageUtilization = scaling.targetCPUUtilizationPercentage;
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {
      name: childName(owner),
      namespace: owner.namespace,
      labels: childLabels('server', MODEL_DEPLOYMENT_LABEL, owner.name),
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: childName(owner) },
      minReplicas: scaling.minReplicas,
      maxReplicas: scaling.maxReplicas,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } },
      ],
    },
  };
}
