/** The Job of a TrainingRun. */
import { TRAINER_EXIT_CODES, type TrainerConfig, type TrainingRunSpec } from '@hilum/crds';
import type { ChildDefaults } from '../../config.ts';
import type { KubeObject } from '../../kube/index.ts';
import { TRAINING_RUN_LABEL, childLabels, ownerReference, type Owner } from '../../labels.ts';
import {
  containerSecurity,
  credentialsFrom,
  podSecurity,
  pullSecrets,
  scratch,
  withRequests,
} from '../../pods/restricted.ts';
import { jobName } from '../names.ts';

const CONTAINER = 'trainer';
const TRAINER_REQUESTS = { cpu: '500m', memory: '2Gi' };

/** @param image what `trainerImage` answers */
export function trainerJob(
  owner: Owner,
  spec: TrainingRunSpec,
  defaults: ChildDefaults,
  image: string,
): KubeObject {
  const labels = childLabels('trainer', TRAINING_RUN_LABEL, owner.name);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(owner),
      namespace: owner.namespace,
      labels,
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      ...mutableJobFields(spec),
      completions: 1,
      parallelism: 1,
      // A try begins only when the one before has ended: never two writers to one MLflow run.
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          {
            action: 'FailJob',
            onExitCodes: {
              containerName: CONTAINER,
              operator: 'In',
              values: [TRAINER_EXIT_CODES.badConfig, TRAINER_EXIT_CODES.badData],
            },
          },
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        ],
      },
      template: { metadata: { labels }, spec: podSpec(owner, spec, defaults, image) },
    },
  };
}

/** @returns the image that trains; undefined where a GPU is asked for and the operator has no image that uses one */
export function trainerImage(spec: TrainingRunSpec, defaults: ChildDefaults): string | undefined {
  if (spec.trainer.image !== undefined) return spec.trainer.image;
  return asksForGpu(spec) ? defaults.trainerGpuImage : defaults.trainerImage;
}

/** A whole GPU, a time slice or a MIG slice, by the names of NVIDIA's device plugin. */
const NVIDIA_GPU = /^nvidia\.com\/(gpu(\.shared)?|mig-.+)$/;

function asksForGpu({ trainer }: TrainingRunSpec): boolean {
  const limits = Object.entries(trainer.resources.limits ?? {});
  return limits.some(([name, quantity]) => NVIDIA_GPU.test(name) && Number(quantity) !== 0);
}

/** The part of a Job that may change after its creation; the rest the API server holds fast. */
export function mutableJobFields(spec: TrainingRunSpec) {
  return {
    suspend: spec.suspend,
    backoffLimit: spec.limits.retries,
    activeDeadlineSeconds: spec.limits.activeSeconds,
  };
}

function podSpec(owner: Owner, spec: TrainingRunSpec, defaults: ChildDefaults, image: string) {
  const { volumes, volumeMounts } = scratch(
    { name: 'work', mountPath: '/work' },
    { name: 'tmp', mountPath: '/tmp' },
  );
  const data = claim('data', spec.dataset.volumeClaim, { readOnly: true });
  const checkpoints = claim('checkpoints', spec.checkpoint?.volumeClaim, { readOnly: false });
  const config = trainerConfig(owner, spec, defaults);
  return {
    ...podSecurity,
    ...pullSecrets(defaults.imagePullSecrets),
    restartPolicy: 'Never',
    ...(spec.trainer.nodeSelector === undefined ? {} : { nodeSelector: spec.trainer.nodeSelector }),
    volumes: [...volumes, ...data.volumes, ...checkpoints.volumes],
    containers: [
      {
        name: CONTAINER,
        image,
        env: [
          { name: 'HILUM_TRAINER_CONFIG', value: JSON.stringify(config) },
          { name: 'HILUM_MLFLOW_URI', value: config.tracking.uri },
          // By the uid: two runs may share a claim.
          ...(spec.checkpoint === undefined
            ? []
            : [{ name: 'HILUM_CHECKPOINT_DIR', value: `/checkpoints/${owner.uid}` }]),
        ],
        ...credentialsFrom(defaults.mlflowSecret, spec.dataset.credentialsSecret),
        resources: withRequests(spec.trainer.resources, TRAINER_REQUESTS),
        securityContext: containerSecurity,
        // The report, or the log's last lines where the trainer had no time to write one.
        terminationMessagePolicy: 'FallbackToLogsOnError',
        volumeMounts: [...volumeMounts, ...data.volumeMounts, ...checkpoints.volumeMounts],
      },
    ],
  };
}

/** A claim, mounted under its own name at the root. */
function claim(name: string, claimName: string | undefined, { readOnly }: { readonly readOnly: boolean }) {
  if (claimName === undefined) return { volumes: [], volumeMounts: [] };
  const mode = readOnly ? { readOnly } : {};
  return {
    volumes: [{ name, persistentVolumeClaim: { claimName, ...mode } }],
    volumeMounts: [{ name, mountPath: `/${name}`, ...mode }],
  };
}

function trainerConfig(owner: Owner, spec: TrainingRunSpec, defaults: ChildDefaults): TrainerConfig {
  const {
    dataset,
    preprocessing,
    model,
    hyperparameters,
    augmentation,
    packaging,
    checkpoint,
    registration,
  } = spec;
  const { name, namespace, uid } = owner;
  return {
    run: { name, namespace, uid },
    dataset,
    preprocessing,
    model,
    hyperparameters,
    augmentation,
    packaging,
    ...(checkpoint === undefined ? {} : { checkpoint: { everySeconds: checkpoint.everySeconds } }),
    tracking: { uri: trackingUri(spec, defaults), experiment: spec.tracking.experiment },
    registration,
  };
}

export function trackingUri(spec: TrainingRunSpec, defaults: ChildDefaults): string {
  return spec.tracking.uri ?? defaults.mlflowUri;
}
