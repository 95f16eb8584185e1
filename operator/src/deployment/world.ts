/** Everything that `decide` looks at beside the ModelDeployment itself. */
import type { ChildDefaults } from '../config.ts';
import type { KubeObject } from '../kube/index.ts';
import type { Pod } from '../pods/pod.ts';
import type { Answer } from '../poller.ts';
import type { ResolvedModel } from '../tracking.ts';
import type { ServerDeployment } from './observed.ts';

/** A version with the digest that pods check. */
export interface Pinned {
  readonly version: string;
  readonly digest: string;
  readonly runId: string;
}

export interface DeploymentWorld {
  readonly defaults: ChildDefaults;
  readonly deployment?: ServerDeployment;
  readonly service?: KubeObject;
  readonly autoscaler?: KubeObject;
  readonly disruptionBudget?: KubeObject;
  /** Pods of the service, oldest first. */
  readonly pods: readonly Pod[];
  /** What the registry says; absent before its first answer. */
  readonly resolved?: Answer<ResolvedModel>;
  /** The API server refused a child of this object. */
  readonly rejected?: { readonly reason: 'ChildRejected' | 'NameTaken'; readonly message: string };
}
