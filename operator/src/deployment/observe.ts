/** Reads what `decide` needs: the store, and the last answer of the registry. */
import type { ChildDefaults } from '../config.ts';
import { keyOf, type KubeObject, type Store } from '../kube/index.ts';
import { isControlledBy } from '../labels.ts';
import { readPod } from '../pods/pod.ts';
import type { Poller } from '../poller.ts';
import type { ModelQuestion, ResolvedModel } from '../tracking.ts';
import { BY_MODEL_DEPLOYMENT } from '../watches.ts';
import { registryUri } from './desired/deployment.ts';
import { type ModelDeployment, isUnderstood } from './model-deployment.ts';
import { childName } from './names.ts';
import { readDeployment } from './observed.ts';
import type { DeploymentWorld } from './world.ts';

export interface DeploymentSources {
  readonly deployments: Store<KubeObject>;
  readonly services: Store<KubeObject>;
  readonly autoscalers: Store<KubeObject>;
  readonly disruptionBudgets: Store<KubeObject>;
  readonly pods: Store<KubeObject>;
  readonly resolved: Poller<ModelQuestion, ResolvedModel>;
  readonly defaults: ChildDefaults;
}

/** Asked a little before the timer's next tick, so that the tick finds it due. */
const DUE_EARLY = 0.8;

export function observe(object: ModelDeployment, sources: DeploymentSources): DeploymentWorld {
  const { owner } = object;
  const key = `${owner.namespace}/${owner.name}`;
  const child = (store: Store<KubeObject>): KubeObject | undefined => {
    const found = store.get(`${owner.namespace}/${childName(owner)}`);
    return found !== undefined && isControlledBy(found, owner.uid) ? found : undefined;
  };
  const deployment = child(sources.deployments);
  const service = child(sources.services);
  const autoscaler = child(sources.autoscalers);
  const disruptionBudget = child(sources.disruptionBudgets);
  const resolved = ask(key, object, sources);
  return {
    defaults: sources.defaults,
    ...(deployment === undefined ? {} : { deployment: readDeployment(deployment) }),
    ...(service === undefined ? {} : { service }),
    ...(autoscaler === undefined ? {} : { autoscaler }),
    ...(disruptionBudget === undefined ? {} : { disruptionBudget }),
    pods: sources.pods
      .byIndex(BY_MODEL_DEPLOYMENT, key)
      .toSorted((a, b) => age(a).localeCompare(age(b)) || keyOf(a).localeCompare(keyOf(b)))
      .map((pod) => readPod(pod)),
    ...(resolved === undefined ? {} : { resolved }),
  };
}

function ask(key: string, { spec, deleting }: ModelDeployment, { resolved, defaults }: DeploymentSources) {
  if (deleting || !isUnderstood(spec)) return undefined;
  const { name, alias, version, pollSeconds } = spec.model;
  const question = {
    uri: registryUri(spec, defaults),
    name,
    ...(alias === undefined ? {} : { alias }),
    ...(version === undefined ? {} : { version }),
  };
  return resolved.ask(key, question, pollSeconds * 1000 * DUE_EARLY);
}

function age({ metadata }: KubeObject): string {
  return metadata.creationTimestamp ?? '';
}
