/** The Deployment of a ModelDeployment. */
import type { ModelDeploymentSpec } from '@hilum/crds';
import type { ChildDefaults } from '../../config.ts';
import type { KubeObject } from '../../kube/index.ts';
import { MODEL_DEPLOYMENT_LABEL, childLabels, ownerReference, type Owner } from '../../labels.ts';
import {
  containerSecurity,
  credentialsFrom,
  podSecurity,
  pullSecrets,
  scratch,
  withRequests,
} from '../../pods/restricted.ts';
import { CONTAINER_PORT, childName, podSelector } from '../names.ts';
import type { Pinned } from '../world.ts';

// The autoscaler's percentage is of the CPU request, so there always is one.
const SERVER_REQUESTS = { cpu: '250m', memory: '768Mi' };
const STARTUP_PERIOD_SECONDS = 2;

export function serverDeployment(
  owner: Owner,
  spec: ModelDeploymentSpec,
  model: Pinned,
  defaults: ChildDefaults,
): KubeObject {
  const labels = childLabels('server', MODEL_DEPLOYMENT_LABEL, owner.name);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: childName(owner),
      namespace: owner.namespace,
      labels,
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      // With an autoscaler the field is left out, so that it is never ours to set.
      ...(spec.scaling === undefined ? { replicas: spec.replicas ?? 1 } : {}),
      selector: { matchLabels: podSelector(owner) },
      // An old pod goes only when a new one is ready.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      progressDeadlineSeconds: spec.limits.progressSeconds,
      revisionHistoryLimit: 3,
      template: { metadata: { labels }, spec: podSpec(spec, model, defaults) },
    },
  };
}

function podSpec(spec: ModelDeploymentSpec, model: Pinned, defaults: ChildDefaults) {
  const { volumes, volumeMounts } = scratch(
    { name: 'models', mountPath: '/models' },
    { name: 'tmp', mountPath: '/tmp' },
  );
  return {
    ...podSecurity,
    ...pullSecrets(defaults.imagePullSecrets),
    ...(spec.server.nodeSelector === undefined ? {} : { nodeSelector: spec.server.nodeSelector }),
    terminationGracePeriodSeconds: 30,
    volumes,
    containers: [
      {
        name: 'server',
        image: spec.server.image ?? defaults.serverImage,
        ports: [{ name: 'http', containerPort: CONTAINER_PORT, protocol: 'TCP' }],
        env: environment(spec, model, defaults),
        ...credentialsFrom(defaults.mlflowSecret),
        resources: withRequests(spec.server.resources, SERVER_REQUESTS),
        securityContext: containerSecurity,
        terminationMessagePolicy: 'FallbackToLogsOnError',
        startupProbe: {
          ...probe('/v2/health/ready'),
          periodSeconds: STARTUP_PERIOD_SECONDS,
          // As long as a rollout may take: the download of a model is not a reason to be killed.
          failureThreshold: Math.ceil(spec.limits.progressSeconds / STARTUP_PERIOD_SECONDS),
        },
        readinessProbe: { ...probe('/v2/health/ready'), periodSeconds: 5, failureThreshold: 2 },
        livenessProbe: { ...probe('/v2/health/live'), periodSeconds: 10, failureThreshold: 6 },
        // Endpoints learn of the end of a pod after the pod does; meanwhile it goes on answering.
        lifecycle: { preStop: { sleep: { seconds: 2 } } },
        volumeMounts,
      },
    ],
  };
}

function environment(spec: ModelDeploymentSpec, model: Pinned, defaults: ChildDefaults) {
  const variables = {
    HILUM_MODEL_URI: `models:/${spec.model.name}/${model.version}`,
    HILUM_MODEL_DIGEST: model.digest,
    HILUM_MLFLOW_URI: registryUri(spec, defaults),
    HILUM_MODEL_CACHE: '/models',
    HILUM_HOST: '0.0.0.0',
    // Inside the cluster it is the network that says who reaches a pod; the server listens so only when told.
    HILUM_ACCESS: 'open',
    HILUM_PORT: String(CONTAINER_PORT),
    // A client that keeps its connection hears of the end by its next answer.
    HILUM_LINGER_MS: '3000',
    HILUM_MAX_BODY_BYTES: String(spec.limits.maxBodyBytes),
  };
  return Object.entries(variables).map(([name, value]) => ({ name, value }));
}

function probe(path: string) {
  return { httpGet: { path, port: 'http' }, timeoutSeconds: 3 };
}

export function registryUri(spec: ModelDeploymentSpec, defaults: ChildDefaults): string {
  return spec.model.trackingUri ?? defaults.mlflowUri;
}
