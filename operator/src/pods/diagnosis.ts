/** Why a pod of one container is not where it should be. */
import type { Reason } from '@hilum/crds';
import type { ContainerStatus, Pod } from './pod.ts';

/** A cause that someone can act on. */
export interface Trouble {
  readonly reason: Reason;
  /** Kubernetes' own word where it has one: ImagePullBackOff, CrashLoopBackOff, OOMKilled, Unschedulable. */
  readonly code: string;
  readonly message: string;
  readonly exitCode?: number;
}

export interface Diagnosis {
  readonly phase: 'pending' | 'running' | 'succeeded' | 'failed';
  readonly trouble?: Trouble;
  /** Put out by the cluster (drain, pre-emption, eviction), not ended by itself. */
  readonly disrupted: boolean;
  /** The termination message of the last end of the container. */
  readonly lastWords?: string;
}

const IMAGE_REASONS = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
]);
const CONFIG_REASONS = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError']);
const MESSAGE_MAX = 1024;

export function diagnose(pod: Pod): Diagnosis {
  const { status } = pod;
  const [container] = status.containerStatuses;
  const ended = container?.state.terminated ?? container?.lastState.terminated;
  const disrupted = isTrue(pod, 'DisruptionTarget');
  const common = {
    disrupted,
    ...(ended?.message === undefined || ended.message === '' ? {} : { lastWords: ended.message }),
  };
  switch (status.phase) {
    case 'Succeeded':
      return { phase: 'succeeded', ...common };
    case 'Failed':
      return { phase: 'failed', ...common, trouble: failure(pod, container) };
    case 'Running':
      return { phase: 'running', ...common, ...maybe(waitingTrouble(container) ?? restarted(container)) };
    default:
      return { phase: 'pending', ...common, ...maybe(unschedulable(pod) ?? waitingTrouble(container)) };
  }
}

function maybe(trouble: Trouble | undefined): { readonly trouble?: Trouble } {
  return trouble === undefined ? {} : { trouble };
}

function unschedulable(pod: Pod): Trouble | undefined {
  const scheduled = pod.status.conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  return {
    reason: 'Unschedulable',
    code: 'Unschedulable',
    message: cut(scheduled.message ?? 'no node fits'),
  };
}

function waitingTrouble(container: ContainerStatus | undefined): Trouble | undefined {
  const waiting = container?.state.waiting;
  const code = waiting?.reason ?? '';
  const message = cut(waiting?.message ?? code);
  if (IMAGE_REASONS.has(code)) return { reason: 'ImagePull', code, message };
  if (CONFIG_REASONS.has(code)) return { reason: 'ContainerConfig', code, message };
  if (code !== 'CrashLoopBackOff' || container === undefined) return undefined;
  const last = endOf(container);
  // An OOM kill in a loop is better named by its cause.
  if (last?.reason === 'OOMKilled') return last;
  return { ...last, reason: 'CrashLoop', code, message: last?.message ?? message };
}

/** A container that runs again after it ended, and is not well yet. */
function restarted(container: ContainerStatus | undefined): Trouble | undefined {
  if (container === undefined || container.ready || container.restartCount === 0) return undefined;
  return endOf(container);
}

function failure(pod: Pod, container: ContainerStatus | undefined): Trouble {
  if (pod.status.reason === 'Evicted') {
    return { reason: 'Evicted', code: 'Evicted', message: cut(pod.status.message ?? 'evicted by its node') };
  }
  const end = container === undefined ? undefined : endOf(container);
  if (end !== undefined) return end;
  const message = cut(
    pod.status.message ?? pod.status.reason ?? 'the pod failed and left no container status',
  );
  return { reason: 'ContainerFailed', code: pod.status.reason ?? 'PodFailed', message };
}

function endOf(container: ContainerStatus): Trouble | undefined {
  const ended = container.state.terminated ?? container.lastState.terminated;
  if (ended === undefined) return undefined;
  const { exitCode } = ended;
  if (ended.reason === 'OOMKilled') {
    return {
      reason: 'OOMKilled',
      code: 'OOMKilled',
      message: 'OOMKilled: the container went over its memory limit',
      exitCode,
    };
  }
  const said = ended.message?.trim() ?? '';
  const message = said === '' ? `the container ended with exit code ${exitCode} and said nothing` : cut(said);
  return { reason: 'ContainerFailed', code: ended.reason ?? 'Error', message, exitCode };
}

function isTrue(pod: Pod, type: string): boolean {
  return pod.status.conditions.some((condition) => condition.type === type && condition.status === 'True');
}

/** The end is kept: a log's last lines say more than its first. */
function cut(text: string): string {
  return text.length <= MESSAGE_MAX ? text : `…${text.slice(1 - MESSAGE_MAX)}`;
}
