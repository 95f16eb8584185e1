/** The status of a ModelDeployment. Pure. */
import { isReason } from '@hilum/crds';
import type {
  ModelDeploymentCondition,
  ModelDeploymentSpec,
  ModelDeploymentStatus,
  Reason,
} from '@hilum/crds';
import { clip } from '../clip.ts';
import { type Condition, setCondition } from '../kube/index.ts';
import { diagnose } from '../pods/diagnosis.ts';
import type { ModelDeployment } from './model-deployment.ts';
import { podSelector, serviceUrl } from './names.ts';
import { conditionOf, isRolledOut, type ServerDeployment } from './observed.ts';
import type { Resolution } from './resolve.ts';
import type { DeploymentWorld } from './world.ts';

type Verdict = readonly [status: Condition['status'], reason: Reason, message: string];
type Verdicts = Readonly<Record<Exclude<ModelDeploymentCondition, 'Ready'>, Verdict>>;

const ACCEPTED: Verdict = ['True', 'SpecAccepted', 'the spec is understood'];

/** The status where the spec or a child cannot be acted on. What runs goes on running. */
export function refusedStatus(
  object: ModelDeployment,
  reason: Reason,
  message: string,
  world: DeploymentWorld,
  now: number,
): ModelDeploymentStatus {
  const { pods: _pods, ...before } = object.status;
  return withConditions(object, { ...before, ...counts(object, world.deployment) }, now, false, {
    Accepted: ['False', reason, message],
    ModelResolved: known(object, 'ModelResolved'),
    Available: available(world.deployment),
    Progressing: ['False', reason, message],
  });
}

export function deploymentStatus(
  object: ModelDeployment,
  spec: ModelDeploymentSpec,
  resolution: Resolution,
  world: DeploymentWorld,
  now: number,
): ModelDeploymentStatus {
  const { model: served } = object.status;
  const { pinned } = resolution;
  const { name, alias } = spec.model;
  const lastFailure = failureOf(world);
  const model =
    pinned === undefined
      ? served
      : {
          name,
          version: pinned.version,
          ...(alias === undefined ? {} : { alias }),
          digest: pinned.digest,
          ...(pinned.runId === '' ? {} : { runId: pinned.runId }),
          summary: `${name}/${pinned.version}`,
        };
  const status: ModelDeploymentStatus = {
    ...counts(object, world.deployment),
    ...(model === undefined ? {} : { model }),
    ...(lastFailure === undefined ? {} : { lastFailure }),
  };
  return withConditions(object, status, now, pinned !== undefined, {
    Accepted: ACCEPTED,
    ModelResolved: [resolution.status, resolution.reason, resolution.message],
    Available: available(world.deployment),
    Progressing: progressing(world.deployment, lastFailure?.message),
  });
}

function counts(object: ModelDeployment, deployment: ServerDeployment | undefined) {
  const selector = Object.entries(podSelector(object.owner)).map(([key, value]) => `${key}=${value}`);
  const { replicas = 0, readyReplicas = 0 } = deployment?.status ?? {};
  return {
    replicas,
    readyReplicas,
    pods: `${readyReplicas}/${deployment?.spec.replicas ?? 0}`,
    selector: selector.join(','),
    url: serviceUrl(object.owner),
  };
}

function available(deployment: ServerDeployment | undefined): Verdict {
  if (deployment === undefined) return ['False', 'NoReplicasReady', 'there are no pods yet'];
  const { readyReplicas } = deployment.status;
  if (readyReplicas > 0) return ['True', 'MinimumReplicasReady', `${readyReplicas} pods answer`];
  if (deployment.spec.replicas === 0) return ['False', 'ScaledToZero', 'spec.replicas is 0'];
  return ['False', 'NoReplicasReady', 'no pod answers'];
}

function progressing(deployment: ServerDeployment | undefined, failure: string | undefined): Verdict {
  if (deployment === undefined) return ['False', 'Pending', 'nothing to roll out yet'];
  const { status, spec, metadata } = deployment;
  if (isRolledOut(deployment))
    return ['False', 'RolloutComplete', `all ${spec.replicas} pods are of this version`];
  const because = failure === undefined ? '' : `: ${failure}`;
  const upToDate = status.observedGeneration >= metadata.generation;
  if (upToDate && conditionOf(deployment, 'Progressing')?.reason === 'ProgressDeadlineExceeded') {
    return ['False', 'ProgressDeadlineExceeded', `no progress within limits.progressSeconds${because}`];
  }
  const { updatedReplicas, availableReplicas } = status;
  const message = `${updatedReplicas} of ${spec.replicas} pods are of this version, ${availableReplicas} pods answer${because}`;
  return ['True', 'RollingOut', message];
}

/** The trouble of the newest pod that has one; none once everything is rolled out. */
function failureOf({ deployment, pods }: DeploymentWorld): ModelDeploymentStatus['lastFailure'] {
  if (deployment === undefined || isRolledOut(deployment)) return undefined;
  for (const pod of pods.toReversed()) {
    const { trouble } = diagnose(pod);
    // A pod on its way out ends by a signal; that is no failure.
    if (trouble === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    const { code, message, exitCode } = trouble;
    const exit = exitCode === undefined ? {} : { exitCode };
    return { code, object: `pod/${pod.metadata.name}`, message, ...exit };
  }
  const refused = conditionOf(deployment, 'ReplicaFailure');
  if (refused?.status !== 'True') return undefined;
  const { reason: code = 'ReplicaFailure', message = 'pods could not be made' } = refused;
  return { code, object: `deployment/${deployment.metadata.name}`, message: clip(message, 2048) };
}

function known({ status }: ModelDeployment, type: ModelDeploymentCondition): Verdict {
  const before = status.conditions?.find((condition) => condition.type === type);
  if (before === undefined || !isReason(before.reason)) return ['Unknown', 'Pending', 'not reached yet'];
  return [before.status, before.reason, before.message];
}

function withConditions(
  object: ModelDeployment,
  status: ModelDeploymentStatus,
  now: number,
  pinned: boolean,
  verdicts: Verdicts,
): ModelDeploymentStatus {
  let conditions: readonly Condition[] = object.status.conditions ?? [];
  const all = { ...verdicts, Ready: summary(verdicts, status, pinned) };
  for (const [type, [value, reason, message]] of Object.entries(all)) {
    const text = clip(message, 4096);
    const condition = { type, status: value, reason, message: text, observedGeneration: object.generation };
    conditions = setCondition(conditions, condition, now);
  }
  return { ...status, conditions, observedGeneration: object.generation };
}

/**
 * The first of the others that is not as it should be, else Serving. A registry that does not answer leaves Ready as it
 * is where a version is pinned for this very spec: serving does not depend on it.
 */
function summary(
  verdicts: Verdicts,
  { model, lastFailure }: ModelDeploymentStatus,
  pinned: boolean,
): Verdict {
  const { Accepted, ModelResolved, Available, Progressing } = verdicts;
  if (Accepted[0] !== 'True') return ['False', Accepted[1], Accepted[2]];
  const unasked = ModelResolved[0] === 'Unknown' && pinned;
  if (ModelResolved[0] !== 'True' && !unasked) return ['False', ModelResolved[1], ModelResolved[2]];
  if (Progressing[1] === 'ProgressDeadlineExceeded') return ['False', Progressing[1], Progressing[2]];
  if (Available[0] !== 'True') {
    const because = lastFailure === undefined ? '' : `: ${lastFailure.message}`;
    return ['False', Available[1], Available[2] + because];
  }
  if (Progressing[0] === 'True') return ['False', Progressing[1], Progressing[2]];
  return [
    'True',
    'Serving',
    `serves ${model?.summary ?? 'the model'}${unasked ? ` (${ModelResolved[2]})` : ''}`,
  ];
}
