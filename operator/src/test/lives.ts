/** Whole lives of the two kinds, as short as they can be. */
import type { ModelDeploymentStatus, TrainingRunStatus } from '@hilum/crds';
import { expect } from 'vitest';
import type { Life } from './crash.ts';
import type { Harness } from './harness.ts';
import { podEnds, podRuns } from './pods.ts';
import { successReport } from './runs.ts';
import { hasPhase } from './serving-pods.ts';

export const trainingRunLife = (harness: Harness): Life => ({
  plural: 'trainingruns',
  create: async (name) => {
    await harness.api.create({
      apiVersion: 'hilum.dev/v1alpha1',
      kind: 'TrainingRun',
      metadata: { name },
      spec: {
        dataset: { remote: 'http://dvc.example/store', md5: `${'0'.repeat(32)}.dir` },
        registration: { model: 'lung' },
      },
    });
  },
  step: async (name) => {
    for (const { metadata, status } of await harness.api.list('pods', `hilum.dev/trainingrun=${name}`)) {
      if (!hasPhase(status, 'Pending')) continue;
      const message = successReport({ passed: true, message: 'no gate' });
      await podEnds(harness.api, metadata.name, 'trainer', { exitCode: 0, message });
    }
    const run = await harness.api.get('trainingruns', name);
    const status: TrainingRunStatus = run?.['status'] ?? {};
    expect(status.completionTime).toBeDefined();
    expect(run?.metadata.finalizers ?? []).toEqual([]);
  },
  end: async (name) => {
    const run = await harness.api.get('trainingruns', name);
    const { conditions = [], model }: TrainingRunStatus = run?.['status'] ?? {};
    return {
      conditions: conditions.map(({ type, status }) => `${type} ${status}`),
      model: model?.summary,
      finalizers: run?.metadata.finalizers ?? [],
      jobs: (await harness.api.list('jobs', `hilum.dev/trainingrun=${name}`)).length,
      pods: (await harness.api.list('pods', `hilum.dev/trainingrun=${name}`)).length,
    };
  },
});

const CHILDREN = ['deployments', 'services', 'poddisruptionbudgets'] as const;

/** Serves version 1 of the registered model `lung`. */
export const modelDeploymentLife = (harness: Harness): Life => ({
  plural: 'modeldeployments',
  create: async (name) => {
    await harness.api.create({
      apiVersion: 'hilum.dev/v1alpha1',
      kind: 'ModelDeployment',
      metadata: { name },
      spec: { model: { name: 'lung', version: '1' }, replicas: 2 },
    });
  },
  step: async (name) => {
    const pods = await harness.api.list('pods', `hilum.dev/modeldeployment=${name}`);
    for (const { metadata, status } of pods) {
      if (hasPhase(status, 'Pending')) await podRuns(harness.api, metadata.name, 'server');
    }
    const { conditions = [], pods: counts }: ModelDeploymentStatus =
      (await harness.api.get('modeldeployments', name))?.['status'] ?? {};
    expect(counts).toBe('2/2');
    expect(conditions.find(({ type }) => type === 'Ready')?.status).toBe('True');
  },
  end: async (name) => {
    const {
      conditions = [],
      model,
      pods,
    }: ModelDeploymentStatus = (await harness.api.get('modeldeployments', name))?.['status'] ?? {};
    const owned = `hilum.dev/modeldeployment=${name}`;
    return {
      conditions: conditions.map(({ type, status }) => `${type} ${status}`),
      model: model?.summary,
      pods,
      children: await Promise.all(
        CHILDREN.map(async (plural) => (await harness.api.list(plural, owned)).length),
      ),
      replicaSets: (await harness.api.list('replicasets', owned)).length,
    };
  },
});
