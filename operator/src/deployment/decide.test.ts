import type { ModelDeploymentStatus } from '@hilum/crds';
import { MlflowError } from '@hilum/mlflow';
import { describe, expect, it } from 'vitest';
import { findCondition } from '../kube/index.ts';
import { DIGEST, SERVED, aChild, aDeployment, aServer, aWorld } from '../test/deployments.ts';
import { NOW, aPod, unschedulable } from '../test/runs.ts';
import { decide } from './decide.ts';
import type { ModelDeployment } from './model-deployment.ts';
import type { DeploymentWorld } from './world.ts';

const unreachable = { error: new MlflowError('UNREACHABLE', 'MLflow at http://mlflow is not reachable') };
const crashing = aPod('Running', {
  restartCount: 3,
  state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
  lastState: { terminated: { exitCode: 1, reason: 'Error', message: 'DIGEST_MISMATCH: tfjs/model.json' } },
});
const stuck = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
const quota = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' };

interface Row {
  readonly name: string;
  readonly object?: ModelDeployment;
  readonly world: DeploymentWorld;
  /** Conditions, as `status reason`; those not named are not looked at. */
  readonly want: Record<string, string>;
  readonly status?: object;
  /** Part of the message of Ready. */
  readonly says?: string;
}

const rows: readonly Row[] = [
  {
    name: 'waits for the registry at first',
    world: { ...aWorld(), resolved: undefined },
    want: { Accepted: 'True SpecAccepted', ModelResolved: 'Unknown Pending', Ready: 'False Pending' },
  },
  {
    name: 'has no pods at first',
    world: aWorld(),
    want: {
      ModelResolved: 'True VersionResolved',
      Available: 'False NoReplicasReady',
      Ready: 'False NoReplicasReady',
    },
    status: {
      model: { version: '4', digest: DIGEST, summary: 'lung-vgg16/4' },
      pods: '0/0',
      url: 'http://lung.team-a.svc',
    },
  },
  {
    name: 'serves',
    world: aWorld({ deployment: aServer() }),
    want: {
      Available: 'True MinimumReplicasReady',
      Progressing: 'False RolloutComplete',
      Ready: 'True Serving',
    },
    status: {
      replicas: 2,
      readyReplicas: 2,
      pods: '2/2',
      selector: 'app.kubernetes.io/name=hilum-server,hilum.dev/modeldeployment=lung',
    },
    says: 'serves lung-vgg16/4',
  },
  {
    name: 'is available but not ready while it rolls out',
    world: aWorld({ deployment: aServer({ replicas: 3, updated: 1, ready: 2 }) }),
    want: {
      Available: 'True MinimumReplicasReady',
      Progressing: 'True RollingOut',
      Ready: 'False RollingOut',
    },
    says: '1 of 2 pods are of this version',
  },
  {
    name: 'names the last words of a pod that crashes in a loop',
    world: aWorld({ deployment: aServer({ wanted: 1, ready: 0 }), pods: [crashing] }),
    want: { Ready: 'False NoReplicasReady' },
    status: { lastFailure: { code: 'CrashLoopBackOff', exitCode: 1, object: 'pod/nodules-x' } },
    says: 'DIGEST_MISMATCH: tfjs/model.json',
  },
  {
    name: 'forgets the failure once all pods are ready',
    object: aDeployment({ status: { lastFailure: { code: 'OOMKilled', object: 'pod/x', message: 'm' } } }),
    world: aWorld({ deployment: aServer(), pods: [crashing] }),
    want: { Ready: 'True Serving' },
    status: { lastFailure: undefined },
  },
  {
    name: 'does not take a pod on its way out for a failure',
    world: aWorld({
      deployment: aServer({ updated: 1 }),
      pods: [aPod('Failed', { state: { terminated: { exitCode: 143 } }, deleting: true })],
    }),
    want: { Progressing: 'True RollingOut' },
    status: { lastFailure: undefined },
  },
  {
    name: 'says what a rollout got stuck on, and goes on serving',
    world: aWorld({
      deployment: aServer({ replicas: 3, updated: 1, ready: 2, conditions: [stuck] }),
      pods: [unschedulable()],
    }),
    want: {
      Available: 'True MinimumReplicasReady',
      Progressing: 'False ProgressDeadlineExceeded',
      Ready: 'False ProgressDeadlineExceeded',
    },
    says: 'Insufficient nvidia.com/gpu',
  },
  {
    name: 'says why no pod can be made',
    world: aWorld({ deployment: aServer({ replicas: 0, updated: 0, ready: 0, conditions: [quota] }) }),
    want: { Ready: 'False NoReplicasReady' },
    status: { lastFailure: { code: 'FailedCreate', object: 'deployment/lung', message: 'exceeded quota' } },
  },
  {
    name: 'is scaled to zero on purpose',
    object: aDeployment({ specChanges: { replicas: 0 } }),
    world: aWorld({ deployment: aServer({ wanted: 0 }) }),
    want: { Available: 'False ScaledToZero', Ready: 'False ScaledToZero' },
  },
  {
    name: 'stays ready when MLflow does not answer',
    object: aDeployment({ status: { model: SERVED } }),
    world: aWorld({ deployment: aServer(), resolved: unreachable }),
    want: { ModelResolved: 'Unknown TrackingUnreachable', Ready: 'True Serving' },
    status: { model: { version: '3' } },
    says: 'MLflow at http://mlflow is not reachable',
  },
  {
    name: 'is not ready when MLflow does not answer and the spec names another alias than is served',
    object: aDeployment({
      specChanges: { model: { name: 'lung-vgg16', alias: 'challenger' } },
      status: { model: SERVED },
    }),
    world: aWorld({ deployment: aServer(), resolved: unreachable }),
    want: { Available: 'True MinimumReplicasReady', Ready: 'False TrackingUnreachable' },
    status: { model: { version: '3', alias: 'champion' } },
  },
  {
    name: 'goes on serving when its alias was taken away',
    object: aDeployment({ status: { model: SERVED } }),
    world: aWorld({
      deployment: aServer(),
      resolved: { error: new MlflowError('ALIAS_NOT_FOUND', 'the model has no alias "champion"') },
    }),
    want: {
      ModelResolved: 'False AliasNotFound',
      Available: 'True MinimumReplicasReady',
      Ready: 'False AliasNotFound',
    },
    status: { model: { version: '3' } },
    says: 'version 3 goes on being served',
  },
  {
    name: 'does not follow its alias to a version that pods could not check',
    object: aDeployment({ status: { model: SERVED } }),
    world: aWorld({ deployment: aServer(), resolved: { value: { version: '5', runId: 'x' } } }),
    want: { ModelResolved: 'False DigestMissing', Available: 'True MinimumReplicasReady' },
    status: { model: { version: '3' } },
  },
  {
    name: 'says who must act when MLflow refuses the operator',
    world: aWorld({ resolved: { error: new MlflowError('FORBIDDEN_HOST', 'does not take the host name') } }),
    want: { ModelResolved: 'False TrackingRefused', Ready: 'False TrackingRefused' },
  },
  {
    name: 'is not accepted with fields that this operator does not know',
    object: aDeployment({ spec: { problem: 'Unrecognized key: "canary"' } }),
    world: aWorld({ deployment: aServer() }),
    want: {
      Accepted: 'False SpecNotUnderstood',
      Available: 'True MinimumReplicasReady',
      Ready: 'False SpecNotUnderstood',
    },
  },
  {
    name: 'is not accepted when its Service’s name is taken',
    world: aWorld({ rejected: { reason: 'NameTaken', message: 'Service lung exists' } }),
    want: { Accepted: 'False NameTaken', Ready: 'False NameTaken' },
  },
];

describe('a deployment', () => {
  it.each(rows)('$name', ({ object = aDeployment(), world, want, status: part, says }) => {
    const { status } = decide(object, world, NOW);
    expect(summaryOf(status)).toMatchObject(want);
    // Named, so that a row can ask for its absence.
    expect({ lastFailure: undefined, ...status }).toMatchObject(part ?? {});
    expect(findCondition(status?.conditions ?? [], 'Ready')?.message).toContain(says ?? '');
  });
});

describe('a deployment after a restart of the operator', () => {
  it('does not change before the registry has answered', () => {
    const world = aWorld({ deployment: aServer() });
    const status = decide(aDeployment(), world, NOW).status ?? {};
    const { apply, status: next } = decide(
      aDeployment({ status }),
      { ...world, resolved: undefined },
      NOW + 60_000,
    );
    expect(next).toEqual(status);
    expect(apply.map(({ object }) => object.kind)).toEqual(['Deployment', 'Service']);
  });
});

describe('the children', () => {
  it('are a Deployment and a Service for one pod', () => {
    expect(kinds(aWorld())).toEqual(['Deployment', 'Service']);
  });

  it('have a disruption budget from two pods on', () => {
    expect(kinds(aWorld(), { replicas: 2 })).toEqual(['Deployment', 'Service', 'PodDisruptionBudget']);
  });

  it('have an autoscaler with scaling, which then owns the number of pods', () => {
    const specChanges = { scaling: { minReplicas: 2, maxReplicas: 4 } };
    const { apply } = decide(aDeployment({ specChanges }), aWorld(), NOW);
    expect(apply.map(({ object }) => object.kind)).toEqual([
      'Deployment',
      'Service',
      'HorizontalPodAutoscaler',
      'PodDisruptionBudget',
    ]);
    expect(apply[0]?.object['spec']).not.toHaveProperty('replicas');
  });

  it('keep the present number of pods while it passes to the autoscaler', () => {
    const specChanges = { scaling: { minReplicas: 2, maxReplicas: 4 } };
    const { apply } = decide(
      aDeployment({ specChanges }),
      aWorld({ deployment: aServer({ wanted: 3 }) }),
      NOW,
    );
    expect(apply[0]).toMatchObject({
      fieldManager: 'hilum-operator-replicas',
      object: { spec: { replicas: 3 } },
    });
    const autoscaler = aChild('autoscaling/v2', 'HorizontalPodAutoscaler');
    const later = decide(
      aDeployment({ specChanges }),
      aWorld({ deployment: aServer({ wanted: 3 }), autoscaler }),
      NOW,
    );
    expect(later.apply.map(({ fieldManager }) => fieldManager)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('lose what the spec no longer asks for', () => {
    const world = aWorld({
      autoscaler: aChild('autoscaling/v2', 'HorizontalPodAutoscaler'),
      disruptionBudget: aChild('policy/v1', 'PodDisruptionBudget'),
    });
    const { remove } = decide(aDeployment(), world, NOW);
    expect(remove.map(({ kind }) => kind)).toEqual(['HorizontalPodAutoscaler', 'PodDisruptionBudget']);
  });

  it('are not touched before a version is known', () => {
    const { apply, remove } = decide(
      aDeployment(),
      { ...aWorld({ deployment: aServer() }), resolved: undefined },
      NOW,
    );
    expect([...apply, ...remove]).toEqual([]);
  });

  it('are left to the garbage collector when the deployment is deleted', () => {
    expect(decide(aDeployment({ deleting: true }), aWorld(), NOW)).toEqual({
      apply: [],
      remove: [],
      events: [],
    });
  });
});

describe('events', () => {
  it('tell of a new version, from which, and of a new reason', () => {
    const object = aDeployment({ status: { model: SERVED } });
    const { events } = decide(object, aWorld({ deployment: aServer({ updated: 0 }) }), NOW);
    expect(events.map(({ type, reason, message }) => `${type} ${reason}: ${message}`)).toEqual([
      'Normal VersionResolved: pods are told to serve lung-vgg16/4 instead of lung-vgg16/3',
      'Normal RollingOut: 0 of 2 pods are of this version, 2 pods answer',
    ]);
  });

  it('are none where nothing changed', () => {
    const world = aWorld({ deployment: aServer() });
    const status = decide(aDeployment(), world, NOW).status ?? {};
    expect(decide(aDeployment({ status }), world, NOW).events).toEqual([]);
  });
});

function kinds(world: DeploymentWorld, specChanges: object = {}): string[] {
  return decide(aDeployment({ specChanges }), world, NOW).apply.map(({ object }) => object.kind);
}

function summaryOf(status: ModelDeploymentStatus | undefined): Record<string, string> {
  const conditions = status?.conditions ?? [];
  return Object.fromEntries(conditions.map(({ type, status: is, reason }) => [type, `${is} ${reason}`]));
}
