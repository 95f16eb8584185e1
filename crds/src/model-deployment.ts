/** ModelDeployment: a registered model, served and kept on the version its alias points at. */
import { z } from 'zod';
import {
  type DeepReadonly,
  conditions,
  count,
  httpUrl,
  image,
  integer,
  modelAlias,
  modelName,
  nodeSelector,
  observedGeneration,
  pattern,
  resources,
  sha256Digest,
  statusText,
  text,
} from './fields.ts';
import { ruled } from './rules.ts';

const scaling = ruled(
  z.strictObject({
    minReplicas: integer(1, 1000, 'The fewest pods.').default(1),
    maxReplicas: integer(1, 1000, 'The most pods.'),
    targetCPUUtilizationPercentage: integer(
      1,
      1000,
      'Mean use of the CPU request that the autoscaler aims at.',
    ).default(70),
  }),
  [
    {
      rule: 'self.minReplicas <= self.maxReplicas',
      message: 'minReplicas is above maxReplicas; lower it or raise maxReplicas',
      holds: (self) => self.minReplicas <= self.maxReplicas,
    },
  ],
).describe('Scaling by CPU with a HorizontalPodAutoscaler, which then owns the number of pods.');

const model = ruled(
  z.strictObject({
    trackingUri: httpUrl('MLflow server; by default the one the operator was installed with.').optional(),
    name: modelName('Registered model in MLflow.'),
    alias: modelAlias('Alias to follow: when it moves, the service rolls to the new version.').optional(),
    version: pattern(16, /^[1-9][0-9]*$/, 'Version to stay on.').optional(),
    pollSeconds: integer(1, 3600, 'How often the registry is asked where the alias points.').default(15),
  }),
  [
    {
      rule: 'has(self.alias) != has(self.version)',
      message: 'name exactly one of alias (to follow it) and version (to stay on it)',
      holds: (self) => (self.alias === undefined) !== (self.version === undefined),
    },
  ],
).describe('Which model is served.');

const server = z
  .strictObject({
    image: image(
      'Server image, best by digest; by default the one the operator was installed with.',
    ).optional(),
    resources: resources('CPU, memory and GPU of a serving pod.').prefault({}),
    nodeSelector: nodeSelector('Labels of the nodes that may run a serving pod.').optional(),
  })
  .describe('The pods that serve.');

const limits = z
  .strictObject({
    progressSeconds: integer(
      10,
      86_400,
      'How long a rollout may go without progress before it counts as failed.',
    ).default(600),
    maxBodyBytes: integer(1024, 1_073_741_824, 'The largest request that the service reads.').default(
      33_554_432,
    ),
  })
  .describe('Deadlines and sizes.');

export const modelDeploymentSpecSchema = ruled(
  z.strictObject({
    replicas: integer(0, 1000, 'Number of pods, 1 by default. Leave it out where scaling is set.').optional(),
    scaling: scaling.optional(),
    model,
    server: server.prefault({}),
    limits: limits.prefault({}),
  }),
  [
    {
      rule: '!(has(self.replicas) && has(self.scaling))',
      message: 'replicas and scaling exclude each other: with scaling the autoscaler owns the number of pods',
      holds: (self) => self.replicas === undefined || self.scaling === undefined,
    },
  ],
).describe('What to serve.');

export const modelDeploymentStatusSchema = z
  .object({
    conditions: conditions('Accepted, ModelResolved, Available, Progressing and the summary Ready.'),
    observedGeneration: observedGeneration(),
    replicas: count('Pods of the service.').optional(),
    readyReplicas: count('Pods that can answer now.').optional(),
    pods: statusText(24, 'Ready and wanted pods, as in 2/2.').optional(),
    selector: statusText(512, 'Label selector of the pods, for the scale subresource.').optional(),
    url: statusText(512, 'Address of the service inside the cluster.').optional(),
    model: z
      .object({
        name: statusText(128, 'Registered model.'),
        version: statusText(16, 'The version that the pods were told to serve.'),
        alias: statusText(63, 'The alias that pointed at it.').optional(),
        digest: sha256Digest('Digest that the pods check before they serve.').optional(),
        runId: statusText(64, 'The MLflow run that made it.').optional(),
        summary: statusText(160, 'Name and version, as in lung-vgg16/3.'),
      })
      .optional()
      .describe('The model as the registry resolved it.'),
    lastFailure: z
      .object({
        code: text(64, 'Stable code of the cause.'),
        object: statusText(320, 'The object that failed, as in pod/md-x-5d9c.'),
        exitCode: integer(-255, 255, 'How the container ended.').optional(),
        message: statusText(2048, 'The cause in a sentence.'),
      })
      .optional()
      .describe('Why pods of the present rollout do not serve; absent when all do.'),
  })
  .describe('How the service is. Written by the operator.');

export type ModelDeploymentSpec = DeepReadonly<z.output<typeof modelDeploymentSpecSchema>>;
export type ModelDeploymentStatus = DeepReadonly<z.output<typeof modelDeploymentStatusSchema>>;
