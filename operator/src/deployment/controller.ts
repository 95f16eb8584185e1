/** Reconciles ModelDeployments: observe, decide, act, report. */
import { act, Rejected, type Actor } from '../act.ts';
import type { Clock, KubeObject, Reconcile, Store } from '../kube/index.ts';
import type { Newest } from '../newest.ts';
import { decide } from './decide.ts';
import { readModelDeployment } from './model-deployment.ts';
import { observe, type DeploymentSources } from './observe.ts';

export interface DeploymentOptions extends DeploymentSources {
  readonly modelDeployments: Store<KubeObject>;
  readonly actor: Actor;
  readonly newest: Newest;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Polls of many objects drift apart by up to this share of their period. */
const JITTER = 0.1;

export function createDeploymentReconcile(options: DeploymentOptions): Reconcile {
  const { actor, newest, clock, random } = options;
  return async (key, signal) => {
    const cached = options.modelDeployments.get(key);
    if (cached === undefined) {
      options.resolved.forget(key);
      newest.forget(key);
      actor.forget(key);
      return undefined;
    }
    const object = newest.of(cached);
    const deployment = readModelDeployment(object);
    const world = observe(deployment, options);
    let decision = decide(deployment, world, clock.now());
    try {
      newest.wrote(await act(actor, object, decision, signal));
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      const { reason, message } = error;
      decision = decide(deployment, { ...world, rejected: { reason, message } }, clock.now());
      newest.wrote(await act(actor, object, decision, signal));
    }
    const { requeueAfterMs } = decision;
    return requeueAfterMs === undefined
      ? undefined
      : { requeueAfterMs: requeueAfterMs * (1 + JITTER * random()) };
  };
}
