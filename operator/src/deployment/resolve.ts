/** Which version to serve, from what the registry says and what is served already. Pure. */
import { isReason, type ModelDeploymentSpec, type Reason } from '@hilum/crds';
import { MlflowError } from '@hilum/mlflow';
import { findCondition } from '../kube/index.ts';
import { reasonOfMlflow } from '../tracking.ts';
import type { ModelDeployment } from './model-deployment.ts';
import type { DeploymentWorld, Pinned } from './world.ts';

export interface Resolution {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
  /** What pods are told to serve; absent where nothing was ever resolved for this spec. */
  readonly pinned?: Pinned;
}

export function resolve(
  object: ModelDeployment,
  spec: ModelDeploymentSpec,
  world: DeploymentWorld,
): Resolution {
  const served = servedBefore(object, spec);
  const kept = served === undefined ? {} : { pinned: served };
  const going = served === undefined ? '' : `; version ${served.version} goes on being served`;
  const answer = world.resolved;
  if (answer === undefined) {
    // After a restart the last word stands until there is a new one, so that status does not flicker.
    const last = findCondition(object.status.conditions ?? [], 'ModelResolved');
    if (served !== undefined && last !== undefined && isReason(last.reason)) {
      return { status: last.status, reason: last.reason, message: last.message, ...kept };
    }
    return { status: 'Unknown', reason: 'Pending', message: `the registry is being asked${going}`, ...kept };
  }
  if (answer.error !== undefined) {
    const reason = reasonOfMlflow(answer.error);
    // What the registry said last still holds as far as anyone knows.
    const last = withDigest(answer.value) ?? served;
    const status = reason === 'TrackingUnreachable' ? 'Unknown' : 'False';
    return {
      status,
      reason,
      message: messageOf(answer.error) + going,
      ...(last === undefined ? {} : { pinned: last }),
    };
  }
  if (answer.value === undefined)
    return { status: 'Unknown', reason: 'Pending', message: 'the registry is being asked' };
  const { version } = answer.value;
  const pinned = withDigest(answer.value);
  if (pinned === undefined) {
    const message = `version ${version} of ${spec.model.name} has no tag hilum.digest, by which pods check what they load${going}`;
    return { status: 'False', reason: 'DigestMissing', message, ...kept };
  }
  const by = spec.model.alias === undefined ? '' : `alias ${spec.model.alias} points at `;
  return {
    status: 'True',
    reason: 'VersionResolved',
    message: `${by}version ${version} of ${spec.model.name}`,
    pinned,
  };
}

/** The version in the status, where it was resolved for the same question. */
function servedBefore({ status }: ModelDeployment, { model }: ModelDeploymentSpec): Pinned | undefined {
  const served = status.model;
  if (served?.digest === undefined || served.name !== model.name || served.alias !== model.alias)
    return undefined;
  if (model.version !== undefined && model.version !== served.version) return undefined;
  return { version: served.version, digest: served.digest, runId: served.runId ?? '' };
}

function withDigest(
  resolved: { version: string; digest?: string; runId: string } | undefined,
): Pinned | undefined {
  if (resolved?.digest === undefined) return undefined;
  const { version, digest, runId } = resolved;
  return { version, digest, runId };
}

function messageOf(error: unknown): string {
  return error instanceof MlflowError ? error.message : 'the registry could not be asked';
}
