/** What a `decide` returns: plain data, which `act` carries out. */
import type { KubeObject } from './kube/index.ts';

/** One object to write. */
export interface Write {
  /** `create` fails where the object exists; `apply` makes it be as described. */
  readonly how: 'create' | 'apply';
  readonly object: KubeObject;
  /** The object as last seen. Where it is absent or not ours, no field of another manager is taken by force. */
  readonly live?: KubeObject;
  /** Default `hilum-operator`. */
  readonly fieldManager?: string;
}

export interface EventDraft {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase. */
  readonly reason: string;
  readonly message: string;
}

export interface Decision<Status> {
  readonly apply: readonly Write[];
  /** Objects as last seen; only those very ones are deleted. */
  readonly remove: readonly KubeObject[];
  /** The whole status; absent leaves it as it is. */
  readonly status?: Status;
  readonly events: readonly EventDraft[];
  /** Where nothing that is watched would wake the object. */
  readonly requeueAfterMs?: number;
}

export const NOTHING = { apply: [], remove: [], events: [] } as const satisfies Decision<never>;
