/** ModelDeployments and their children as data, for the tables of `decide`. */
import { modelDeploymentSpecSchema, type ModelDeploymentStatus } from '@hilum/crds';
import type { ModelDeployment } from '../deployment/model-deployment.ts';
import { readDeployment, type ServerDeployment } from '../deployment/observed.ts';
import type { DeploymentWorld } from '../deployment/world.ts';
import type { KubeObject } from '../kube/index.ts';
import { DEFAULTS } from './runs.ts';

const OWNER = {
  apiVersion: 'hilum.dev/v1alpha1',
  kind: 'ModelDeployment',
  name: 'lung',
  namespace: 'team-a',
  uid: '5b1f2a30-0000-4000-8000-000000000002',
} as const;

export const DIGEST = `sha256:${'d'.repeat(64)}`;
const RESOLVED = { value: { version: '4', digest: DIGEST, runId: 'abc' } } as const;
export const SERVED = {
  name: 'lung-vgg16',
  version: '3',
  alias: 'champion',
  digest: DIGEST,
  runId: 'old',
  summary: 'lung-vgg16/3',
} as const satisfies ModelDeploymentStatus['model'];

export function aDeployment(
  changes: Partial<ModelDeployment> & { readonly specChanges?: object } = {},
): ModelDeployment {
  const { specChanges, ...rest } = changes;
  return {
    owner: OWNER,
    generation: 1,
    deleting: false,
    spec: modelDeploymentSpecSchema.parse({
      model: { name: 'lung-vgg16', alias: 'champion' },
      ...specChanges,
    }),
    status: {},
    ...rest,
  };
}

export function aWorld(changes: Partial<DeploymentWorld> = {}): DeploymentWorld {
  return { defaults: DEFAULTS, pods: [], resolved: RESOLVED, ...changes };
}

interface Counts {
  readonly wanted?: number;
  readonly replicas?: number;
  readonly updated?: number;
  readonly ready?: number;
  readonly conditions?: readonly object[];
}

export function aServer({
  wanted = 2,
  replicas = wanted,
  updated = wanted,
  ready = wanted,
  conditions = [],
}: Counts = {}): ServerDeployment {
  return readDeployment({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: OWNER.name, namespace: OWNER.namespace, uid: 'deployment-uid', generation: 1 },
    spec: { replicas: wanted },
    status: {
      observedGeneration: 1,
      replicas,
      updatedReplicas: updated,
      readyReplicas: ready,
      availableReplicas: ready,
      conditions,
    },
  });
}

export function aChild(apiVersion: string, kind: string): KubeObject {
  return { apiVersion, kind, metadata: { name: OWNER.name, namespace: OWNER.namespace, uid: `${kind}-uid` } };
}
