/** Plays the kubelet: in a cluster without nodes, pods become what a test says. */
import type { Api } from './harness.ts';

type State = Readonly<Record<string, unknown>>;

export async function podRuns(api: Api, pod: string, container: string, ready = true): Promise<void> {
  await setStatus(api, pod, container, 'Running', ready, { running: { startedAt: now() } });
}

export async function podWaits(api: Api, pod: string, container: string, reason: string, message: string) {
  await setStatus(api, pod, container, 'Pending', false, { waiting: { reason, message } });
}

/** @param message the termination message */
export async function podEnds(
  api: Api,
  pod: string,
  container: string,
  { exitCode, reason, message }: { exitCode: number; reason?: string; message?: string },
): Promise<void> {
  const terminated = {
    exitCode,
    reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
    startedAt: now(),
    finishedAt: now(),
    ...(message === undefined ? {} : { message }),
  };
  await setStatus(api, pod, container, exitCode === 0 ? 'Succeeded' : 'Failed', false, { terminated });
}

/** The container ended and is started again, after a growing wait. */
export async function podCrashes(
  api: Api,
  pod: string,
  name: string,
  end: { exitCode: number; reason: string; message?: string },
): Promise<void> {
  const waiting = { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container' };
  const lastState = { terminated: { ...end, startedAt: now(), finishedAt: now() } };
  await setStatus(api, pod, name, 'Running', false, { waiting }, lastState);
}

async function setStatus(
  api: Api,
  pod: string,
  name: string,
  phase: string,
  ready: boolean,
  state: State,
  lastState: State = {},
): Promise<void> {
  await api.bind(pod);
  const is = ready ? 'True' : 'False';
  const conditions = [
    condition('PodScheduled', 'True'),
    condition('ContainersReady', is),
    condition('Ready', is),
  ];
  const container = {
    name,
    image: 'test',
    imageID: '',
    ready,
    restartCount: 0,
    started: ready,
    state,
    lastState,
  };
  await api.patch('pods', pod, { status: { phase, conditions, containerStatuses: [container] } }, 'status');
}

function condition(type: string, status: string) {
  return { type, status, lastTransitionTime: now() };
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
