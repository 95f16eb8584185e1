/** Carries decisions out. All writes of the operator pass here. */
import { createHash } from 'node:crypto';
import type { Decision, EventDraft, Write } from './decision.ts';
import {
  ApiError,
  apply,
  applyStatus,
  create,
  isAlreadyExists,
  isConflict,
  isNotFound,
  keyOf,
  pathOf,
  remove,
  type KubeObject,
  type Recorder,
  type Transport,
} from './kube/index.ts';
import { decodeObject } from './kube/decode.ts';
import { FIELD_MANAGER, STATUS_MANAGER, isControlledBy } from './labels.ts';

/** The API server refused a child for what it is; the owner's status must say so. */
export class Rejected extends Error {
  readonly reason: 'ChildRejected' | 'NameTaken';

  constructor(reason: Rejected['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Rejected';
    this.reason = reason;
  }
}

export interface Actor {
  /** Writes in order; throws `Rejected` for what the API server will not take. */
  write(owner: KubeObject, writes: readonly Write[], signal: AbortSignal): Promise<void>;
  /** Writes the status where it differs from that of `owner`; the object as the API server then has it. */
  report(owner: KubeObject, status: object, signal: AbortSignal): Promise<KubeObject>;
  remove(objects: readonly KubeObject[], signal: AbortSignal): Promise<void>;
  tell(owner: KubeObject, events: readonly EventDraft[]): void;
  /** The owner is gone. */
  forget(owner: string): void;
}

export interface ActorOptions {
  readonly transport: Transport;
  readonly recorder: Recorder;
  /** Told of each state change, for the log: one line each. */
  readonly onEvent: (owner: KubeObject, event: EventDraft) => void;
}

interface Applied {
  /** Of what was sent. */
  readonly hash: string;
  /** Of what came of it: while the live object has it, there is nothing to send. */
  readonly version: string;
}

export function createActor({ transport, recorder, onEvent }: ActorOptions): Actor {
  /** By owner, then by child and manager. Lost at a restart, after which everything is applied once. */
  const memory = new Map<string, Map<string, Applied>>();

  async function send(owner: KubeObject, write: Write, signal: AbortSignal): Promise<KubeObject> {
    const { object, live } = write;
    const fieldManager = write.fieldManager ?? FIELD_MANAGER;
    if (write.how === 'create') return create(transport, object, { fieldManager, signal });
    const force = live !== undefined && isControlledBy(live, owner.metadata.uid ?? '');
    return apply(transport, object, { fieldManager, force, signal });
  }

  /** The store may be behind the owner's deletion, and what is made then outlives it until someone collects it. */
  async function isAlive(owner: KubeObject, signal: AbortSignal): Promise<boolean> {
    const { namespace, name, uid } = owner.metadata;
    const resource = await transport.resourceOf(owner.apiVersion, owner.kind);
    try {
      const path = pathOf({ ...resource, ...(namespace === undefined ? {} : { namespace }) }, name);
      const { metadata } = decodeObject(await transport.request('GET', path, { signal }));
      return metadata.uid === uid && metadata.deletionTimestamp === undefined;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async function writeOne(owner: KubeObject, write: Write, signal: AbortSignal): Promise<void> {
    const { object, live } = write;
    const known = memory.get(keyOf(owner)) ?? new Map<string, Applied>();
    memory.set(keyOf(owner), known);
    const key = `${object.kind}/${object.metadata.name}/${write.fieldManager ?? ''}`;
    const hash = createHash('sha256').update(JSON.stringify(object)).digest('hex');
    const before = known.get(key);
    if (live !== undefined && before?.hash === hash && before.version === versionOf(live)) return;
    try {
      const answer = await send(owner, write, signal);
      known.set(key, { hash, version: versionOf(answer) });
    } catch (error) {
      // Ours from before a restart, or from a moment ago: the watch will show it.
      if (write.how === 'create' && isAlreadyExists(error)) return;
      throw rejection(object, live, error);
    }
  }

  return {
    write: async (owner, writes, signal) => {
      const makes = writes.some(({ live }) => live === undefined);
      if (makes && !(await isAlive(owner, signal))) return;
      for (const write of writes) await writeOne(owner, write, signal);
    },
    report: async (owner, status, signal) => {
      if (canonical(status) === canonical(owner['status'] ?? {})) return owner;
      const { apiVersion, kind, metadata } = owner;
      const { name, namespace, uid } = metadata;
      const object: KubeObject = { apiVersion, kind, metadata: { name, namespace, uid }, status };
      try {
        return await applyStatus(transport, object, { fieldManager: STATUS_MANAGER, force: true, signal });
      } catch (error) {
        // The owner was deleted meanwhile; nobody is left to read its status.
        if (isNotFound(error)) return owner;
        throw error;
      }
    },
    remove: async (objects, signal) => {
      for (const object of objects) {
        await remove(transport, object, { uid: object.metadata.uid, propagation: 'Background', signal });
      }
    },
    tell: (owner, events) => {
      for (const event of events) {
        onEvent(owner, event);
        recorder.event(owner, {
          type: event.type,
          reason: event.reason,
          action: 'Reconcile',
          note: event.message,
        });
      }
    },
    forget: (owner) => {
      memory.delete(owner);
    },
  };
}

/** What both kinds do after a decision, in this order: a terminal status is written before anything is deleted. */
export async function act<Status extends object>(
  actor: Actor,
  owner: KubeObject,
  decision: Decision<Status>,
  signal: AbortSignal,
): Promise<KubeObject> {
  await actor.write(owner, decision.apply, signal);
  const after = decision.status === undefined ? owner : await actor.report(owner, decision.status, signal);
  actor.tell(owner, decision.events);
  await actor.remove(decision.remove, signal);
  return after;
}

function rejection(object: KubeObject, live: KubeObject | undefined, cause: unknown): unknown {
  if (!(cause instanceof ApiError)) return cause;
  const what = `${object.kind} ${object.metadata.name}`;
  if (isConflict(cause) && live === undefined) {
    return new Rejected('NameTaken', `${what} exists and is not of this object: ${cause.message}`, { cause });
  }
  const final = cause.status === 400 || cause.status === 403 || cause.status === 422;
  return final ? new Rejected('ChildRejected', `${what}: ${cause.message}`, { cause }) : cause;
}

/** Generation moves with the spec alone; Services and autoscalers have none. */
function versionOf({ metadata }: KubeObject): string {
  const { uid = '', generation, resourceVersion = '' } = metadata;
  return `${uid}/${generation === undefined ? `r${resourceVersion}` : `g${generation}`}`;
}

/** JSON with sorted keys and without absent fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
