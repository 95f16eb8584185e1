/** The Service of a ModelDeployment. */
import type { KubeObject } from '../../kube/index.ts';
import { MODEL_DEPLOYMENT_LABEL, childLabels, ownerReference, type Owner } from '../../labels.ts';
import { SERVICE_PORT, childName, podSelector } from '../names.ts';

export function serverService(owner: Owner): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: childName(owner),
      namespace: owner.namespace,
      labels: childLabels('server', MODEL_DEPLOYMENT_LABEL, owner.name),
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      type: 'ClusterIP',
      selector: podSelector(owner),
      ports: [{ name: 'http', port: SERVICE_PORT, targetPort: 'http', protocol: 'TCP' }],
    },
  };
}
