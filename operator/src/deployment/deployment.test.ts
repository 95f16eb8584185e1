/**
 * ModelDeployments on a real API server with real controllers and a real MLflow; the tests play the pods. The operator
 * watches its one namespace here, and all of them in the tests of TrainingRuns.
 */
import type { ModelDeploymentStatus } from '@hilum/crds';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../kube/index.ts';
import { everyEnd } from '../test/crash.ts';
import { eventually, startHarness, type Harness, type RunningOperator } from '../test/harness.ts';
import { modelDeploymentLife } from '../test/lives.ts';
import { podCrashes, podWaits } from '../test/pods.ts';
import { livePods, podsAreReady } from '../test/serving-pods.ts';

const MODEL = 'lung';
const DIGESTS = ['a', 'b', 'c'].map((digit) => `sha256:${digit.repeat(64)}`);

let harness: Harness;
let operator: RunningOperator;
let name: string;
let count = 0;

beforeAll(async () => {
  harness = await startHarness({ namespaced: true });
  const { mlflow } = harness;
  const experimentId = await mlflow.ensureExperiment('hilum');
  const { runId, artifactUri } = await mlflow.createRun({ experimentId, name: 'r', startTimeMs: Date.now() });
  await mlflow.ensureRegisteredModel(MODEL);
  for (const digest of DIGESTS) {
    const source = `${artifactUri}/${digest.slice(7, 8)}`;
    await mlflow.createModelVersion({ name: MODEL, source, runId, tags: { 'hilum.digest': digest } });
  }
  await mlflow.createModelVersion({ name: MODEL, source: `${artifactUri}/x`, runId, tags: {} });
});
afterAll(async () => {
  await harness?.down();
});
// First, while there are no other objects whose writes would be counted.
describe('an operator that is killed before any of its writes', () => {
  it('leads to the same end', async () => {
    const { ends, kills } = await everyEnd(harness, modelDeploymentLife(harness));
    // Three children, at least two states.
    expect(kills).toBeGreaterThanOrEqual(5);
    expect(ends).toEqual([
      {
        conditions: [
          'Accepted True',
          'ModelResolved True',
          'Available True',
          'Progressing False',
          'Ready True',
        ],
        model: 'lung/1',
        pods: '2/2',
        children: [1, 1, 1],
        replicaSets: 1,
      },
    ]);
  });
});

describe('a ModelDeployment', () => {
  beforeEach(async () => {
    name = `md-${(count += 1)}`;
    await harness.mlflow.setAlias(MODEL, 'champion', '1');
    operator = harness.startOperator();
  });
  afterEach(async () => {
    harness.gate.open();
    await operator.stop();
  });

  it('serves the version of its alias, and rolls when the alias moves', async () => {
    await createDeployment({ replicas: 2 });
    await podsAreReady(harness, name, 2);
    await eventually(async () => {
      expect(await ready()).toMatchObject({ status: 'True', reason: 'Serving', message: 'serves lung/1' });
      expect(await status()).toMatchObject({
        replicas: 2,
        readyReplicas: 2,
        pods: '2/2',
        url: `http://${name}.default.svc`,
        model: { version: '1', digest: DIGESTS[0], alias: 'champion', summary: 'lung/1' },
      });
    });
    expect(await environment()).toMatchObject({
      HILUM_MODEL_URI: 'models:/lung/1',
      HILUM_MODEL_DIGEST: DIGESTS[0],
    });
    const before = await replicaSets();

    await harness.mlflow.setAlias(MODEL, 'champion', '2');
    await eventually(async () => {
      expect(await environment()).toMatchObject({
        HILUM_MODEL_URI: 'models:/lung/2',
        HILUM_MODEL_DIGEST: DIGESTS[1],
      });
      expect(await replicaSets()).toHaveLength(before.length + 1);
      expect(await ready()).toMatchObject({ status: 'False', reason: 'RollingOut' });
    });
    const available = (await status()).conditions?.find(({ type }) => type === 'Available');
    expect(available?.status).toBe('True');
    await podsAreReady(harness, name, 2);
    await eventually(async () =>
      expect(await ready()).toMatchObject({ reason: 'Serving', message: 'serves lung/2' }),
    );
  });

  it('goes on serving when MLflow is away, and pins the same version after a restart', async () => {
    await createDeployment({});
    await podsAreReady(harness, name, 1);
    await eventually(async () => expect(await ready()).toMatchObject({ reason: 'Serving' }));
    await operator.stop();
    harness.gate.shut();
    operator = harness.startOperator();
    await harness.api.remove('deployments', name);
    await podsAreReady(harness, name, 1);
    await eventually(async () => {
      expect(await condition('ModelResolved')).toMatchObject({
        status: 'Unknown',
        reason: 'TrackingUnreachable',
      });
      expect(await ready()).toMatchObject({ status: 'True', reason: 'Serving' });
    });
    expect(await environment()).toMatchObject({ HILUM_MODEL_URI: 'models:/lung/1' });
    harness.gate.open();
    await eventually(async () =>
      expect(await condition('ModelResolved')).toMatchObject({ reason: 'VersionResolved' }),
    );
  });

  it.each([
    { what: 'an alias that nobody set', model: { alias: 'nobody' }, reason: 'AliasNotFound' },
    { what: 'a version that is not there', model: { version: '99' }, reason: 'ModelNotFound' },
    { what: 'a model that is not there', model: { name: 'nothing', version: '1' }, reason: 'ModelNotFound' },
    { what: 'a version without a digest', model: { version: '4' }, reason: 'DigestMissing' },
  ])('says so, and makes no pod, for $what', async ({ model, reason }) => {
    await createDeployment({ model: { name: MODEL, pollSeconds: 1, ...model } });
    await eventually(async () => {
      expect(await condition('ModelResolved')).toMatchObject({ status: 'False', reason });
      expect(await ready()).toMatchObject({ status: 'False', reason });
    });
    expect(await child('deployments')).toBeUndefined();
  });

  it('hands the number of pods to the autoscaler without dropping any, and takes it back', async () => {
    await createDeployment({ replicas: 3 });
    await eventually(async () => {
      expect(await replicas()).toBe(3);
      expect((await child('poddisruptionbudgets'))?.['spec']).toMatchObject({ maxUnavailable: 1 });
    });
    await harness.api.patch('modeldeployments', name, {
      spec: { replicas: null, scaling: { minReplicas: 2, maxReplicas: 5 } },
    });
    await eventually(async () => {
      expect((await child('horizontalpodautoscalers'))?.['spec']).toMatchObject({
        minReplicas: 2,
        maxReplicas: 5,
      });
    });
    const seen = (await child('deployments'))?.metadata.generation;
    expect(await replicas()).toBe(3);
    // As the autoscaler does.
    await harness.api.patch('deployments', name, { spec: { replicas: 4 } }, 'scale');
    await harness.api.patch('modeldeployments', name, { spec: { limits: { maxBodyBytes: 2048 } } });
    await eventually(async () => expect(await environment()).toMatchObject({ HILUM_MAX_BODY_BYTES: '2048' }));
    expect(await replicas()).toBe(4);
    expect((await child('deployments'))?.metadata.generation).toBeGreaterThan(seen ?? 0);

    await harness.api.patch('modeldeployments', name, { spec: { replicas: 1, scaling: null } });
    await eventually(async () => {
      expect(await replicas()).toBe(1);
      expect(await child('horizontalpodautoscalers')).toBeUndefined();
      expect(await child('poddisruptionbudgets')).toBeUndefined();
    });
  });

  it('names what keeps its pods from serving', async () => {
    await createDeployment({});
    const [pod = ''] = await livePods(harness, name, 1);
    await podWaits(
      harness.api,
      pod,
      'server',
      'ImagePullBackOff',
      'Back-off pulling image "hilum/server:test"',
    );
    await eventually(async () => {
      const { lastFailure } = await status();
      expect(lastFailure).toMatchObject({ code: 'ImagePullBackOff', object: `pod/${pod}` });
      expect((await ready())?.message).toContain('Back-off pulling image');
    });
    await podCrashes(harness.api, pod, 'server', { exitCode: 137, reason: 'OOMKilled' });
    await eventually(async () => {
      expect((await status()).lastFailure).toMatchObject({ code: 'OOMKilled', exitCode: 137 });
    });
    await podCrashes(harness.api, pod, 'server', {
      exitCode: 1,
      reason: 'Error',
      message: 'DIGEST_MISMATCH',
    });
    await eventually(async () => {
      const want = { code: 'CrashLoopBackOff', exitCode: 1, message: 'DIGEST_MISMATCH' };
      expect((await status()).lastFailure).toMatchObject(want);
    });
  });

  it('leaves a Service of its name alone when it is someone else’s', async () => {
    const spec = { selector: { app: 'foreign' }, ports: [{ port: 80 }] };
    await harness.api.create({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
    await createDeployment({});
    await eventually(async () =>
      expect(await ready()).toMatchObject({ status: 'False', reason: 'NameTaken' }),
    );
    expect((await child('services'))?.['spec']).toMatchObject({ selector: { app: 'foreign' } });
  });

  it('puts back what was changed by hand', async () => {
    await createDeployment({});
    await eventually(async () =>
      expect(await environment()).toMatchObject({ HILUM_MODEL_URI: 'models:/lung/1' }),
    );
    await harness.kubectl('set', 'env', `deployment/${name}`, 'HILUM_MODEL_URI=models:/other/1');
    await eventually(async () =>
      expect(await environment()).toMatchObject({ HILUM_MODEL_URI: 'models:/lung/1' }),
    );
    await harness.api.patch('services', name, { spec: { selector: { app: 'other' } } });
    await eventually(async () => {
      const selector = { 'app.kubernetes.io/name': 'hilum-server' };
      expect((await child('services'))?.['spec']).toMatchObject({ selector });
    });
  });

  it('takes its children with it when it is deleted', async () => {
    await createDeployment({ scaling: { minReplicas: 2, maxReplicas: 3 } });
    await eventually(async () => {
      for (const plural of CHILDREN) expect(await child(plural)).toBeDefined();
    });
    await harness.api.remove('modeldeployments', name);
    // The garbage collector learns of a new kind up to 30 s after its CRD.
    await childrenAreGone().catch(childrenAreGone).catch(childrenAreGone);
  });
});

const CHILDREN = ['deployments', 'services', 'horizontalpodautoscalers', 'poddisruptionbudgets'] as const;

async function childrenAreGone(): Promise<void> {
  await eventually(async () => {
    for (const plural of CHILDREN) expect(await child(plural)).toBeUndefined();
  });
}

async function createDeployment(spec: object): Promise<void> {
  await harness.api.create({
    apiVersion: 'hilum.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name },
    spec: { model: { name: MODEL, alias: 'champion', pollSeconds: 1 }, ...spec },
  });
}

async function status(): Promise<ModelDeploymentStatus> {
  return (await harness.api.get('modeldeployments', name))?.['status'] ?? {};
}

async function condition(wanted: string) {
  return (await status()).conditions?.find(({ type }) => type === wanted);
}

const ready = () => condition('Ready');

async function child(plural: (typeof CHILDREN)[number]): Promise<KubeObject | undefined> {
  return harness.api.get(plural, name);
}

interface DeploymentSpec {
  readonly replicas: number;
  readonly template: {
    readonly spec: {
      readonly containers: readonly { readonly env: readonly { name: string; value: string }[] }[];
    };
  };
}

async function deploymentSpec(): Promise<DeploymentSpec | undefined> {
  return (await child('deployments'))?.['spec'] as DeploymentSpec | undefined;
}

async function replicas(): Promise<number | undefined> {
  return (await deploymentSpec())?.replicas;
}

async function environment(): Promise<Record<string, string>> {
  const env = (await deploymentSpec())?.template.spec.containers[0]?.env ?? [];
  return Object.fromEntries(env.map(({ name: key, value }) => [key, value]));
}

const ours = () => `hilum.dev/modeldeployment=${name}`;

async function replicaSets(): Promise<readonly KubeObject[]> {
  return harness.api.list('replicasets', ours());
}
