/** The pods of a ModelDeployment. */
import { expect } from 'vitest';
import { MODEL_DEPLOYMENT_LABEL } from '../labels.ts';
import { eventually, type Harness } from './harness.ts';
import { podRuns } from './pods.ts';

/** Waits for `wanted` pods that are not on their way out. */
export async function livePods({ api }: Harness, deployment: string, wanted: number): Promise<string[]> {
  let pods: string[] = [];
  await eventually(async () => {
    const all = await api.list('pods', `${MODEL_DEPLOYMENT_LABEL}=${deployment}`);
    const live = all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    pods = live.map(({ metadata }) => metadata.name);
    expect(pods.length).toBeGreaterThanOrEqual(wanted);
  });
  return pods;
}

/** Every pod becomes ready as it comes, and ends as it is told to, until the present template has `wanted`. */
export async function podsAreReady(harness: Harness, deployment: string, wanted: number): Promise<void> {
  const { api } = harness;
  await eventually(async () => {
    for (const { metadata, status } of await api.list('pods', `${MODEL_DEPLOYMENT_LABEL}=${deployment}`)) {
      if (metadata.deletionTimestamp !== undefined) {
        await harness.kubectl('delete', 'pod', metadata.name, '--force', '--grace-period=0');
      } else if (hasPhase(status, 'Pending')) {
        await podRuns(api, metadata.name, 'server');
      }
    }
    const counts = { replicas: wanted, updatedReplicas: wanted, availableReplicas: wanted };
    expect((await api.get('deployments', deployment))?.['status']).toMatchObject(counts);
  });
}

export function hasPhase(status: unknown, phase: string): boolean {
  return typeof status === 'object' && status !== null && 'phase' in status && status.phase === phase;
}
