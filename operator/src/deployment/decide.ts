/** What to do for a ModelDeployment. Pure: `(object, world, now)` in, data out. */
import type { ModelDeploymentSpec, ModelDeploymentStatus } from '@hilum/crds';
import { type Decision, type EventDraft, NOTHING, type Write } from '../decision.ts';
import { findCondition, type KubeObject } from '../kube/index.ts';
import { serverAutoscaler } from './desired/hpa.ts';
import { serverDeployment } from './desired/deployment.ts';
import { serverDisruptionBudget } from './desired/pdb.ts';
import { serverService } from './desired/service.ts';
import { type ModelDeployment, isUnderstood } from './model-deployment.ts';
import { resolve } from './resolve.ts';
import { deploymentStatus, refusedStatus } from './status.ts';
import type { DeploymentWorld, Pinned } from './world.ts';

export type DeploymentDecision = Decision<ModelDeploymentStatus>;

/** The API server refused a child: quota and the like change without telling us. */
const REFUSED_RETRY_MS = 30_000;

export function decide(object: ModelDeployment, world: DeploymentWorld, now: number): DeploymentDecision {
  // Children go with their owner by the garbage collector; nothing outside the cluster is left to undo.
  if (object.deleting) return NOTHING;
  if (!isUnderstood(object.spec)) {
    return report(object, refusedStatus(object, 'SpecNotUnderstood', object.spec.problem, world, now));
  }
  // Not a watch but a timer wakes the object for the registry: see `requeueAfterMs`.
  const again = { requeueAfterMs: object.spec.model.pollSeconds * 1000 };
  if (world.rejected !== undefined) {
    const { reason, message } = world.rejected;
    const status = refusedStatus(object, reason, message, world, now);
    return { ...report(object, status), requeueAfterMs: REFUSED_RETRY_MS };
  }
  const resolution = resolve(object, object.spec, world);
  const status = deploymentStatus(object, object.spec, resolution, world, now);
  const { pinned } = resolution;
  if (pinned === undefined) return { ...report(object, status), ...again };
  return {
    ...report(object, status),
    apply: writes(object, object.spec, pinned, world),
    remove: surplus(object, object.spec, world),
    ...again,
  };
}

function writes(
  object: ModelDeployment,
  spec: ModelDeploymentSpec,
  model: Pinned,
  world: DeploymentWorld,
): Write[] {
  const { owner } = object;
  const { deployment, service, autoscaler, disruptionBudget, defaults } = world;
  return [
    ...handover(spec, world),
    write(serverDeployment(owner, spec, model, defaults), deployment?.object),
    write(serverService(owner), service),
    write(serverAutoscaler(owner, spec), autoscaler),
    write(serverDisruptionBudget(owner, spec), disruptionBudget),
  ].flatMap((entry) => entry ?? []);
}

function write(object: KubeObject | undefined, live: KubeObject | undefined): Write | undefined {
  if (object === undefined) return undefined;
  return { how: 'apply', object, ...(live === undefined ? {} : { live }) };
}

/**
 * When scaling is switched on, the next apply no longer names `replicas`, and a field that its only manager lets go
 * falls back to 1. A second manager holds the present number until the autoscaler writes its own.
 */
function handover(spec: ModelDeploymentSpec, { deployment, autoscaler }: DeploymentWorld): Write[] {
  if (spec.scaling === undefined || deployment === undefined || autoscaler !== undefined) return [];
  const { apiVersion, kind, metadata } = deployment.object;
  const { name, namespace, uid } = metadata;
  const { minReplicas, maxReplicas } = spec.scaling;
  const replicas = Math.min(Math.max(deployment.spec.replicas, minReplicas), maxReplicas);
  return [
    {
      how: 'apply',
      object: { apiVersion, kind, metadata: { name, namespace, uid }, spec: { replicas } },
      live: deployment.object,
      fieldManager: 'hilum-operator-replicas',
    },
  ];
}

function surplus(object: ModelDeployment, spec: ModelDeploymentSpec, world: DeploymentWorld): KubeObject[] {
  const { autoscaler, disruptionBudget } = world;
  return [
    ...(autoscaler !== undefined && serverAutoscaler(object.owner, spec) === undefined ? [autoscaler] : []),
    ...(disruptionBudget !== undefined && serverDisruptionBudget(object.owner, spec) === undefined
      ? [disruptionBudget]
      : []),
  ];
}

function report(object: ModelDeployment, status: ModelDeploymentStatus): DeploymentDecision {
  return { ...NOTHING, status, events: eventsBetween(object.status, status) };
}

/** One event when the model or the reason of Ready changes. */
function eventsBetween(before: ModelDeploymentStatus, after: ModelDeploymentStatus): EventDraft[] {
  const events: EventDraft[] = [];
  if (after.model !== undefined && after.model.summary !== before.model?.summary) {
    const from = before.model === undefined ? '' : ` instead of ${before.model.summary}`;
    const message = `pods are told to serve ${after.model.summary}${from}`;
    events.push({ type: 'Normal', reason: 'VersionResolved', message });
  }
  const old = findCondition(before.conditions ?? [], 'Ready');
  const next = findCondition(after.conditions ?? [], 'Ready');
  if (next !== undefined && (old?.reason !== next.reason || old.status !== next.status)) {
    const calm = next.status === 'True' || CALM.has(next.reason);
    events.push({ type: calm ? 'Normal' : 'Warning', reason: next.reason, message: next.message });
  }
  return events;
}

const CALM: ReadonlySet<string> = new Set(['Pending', 'RollingOut', 'NoReplicasReady', 'ScaledToZero']);
