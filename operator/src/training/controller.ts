/** Reconciles TrainingRuns: observe, decide, act, report. */
import { act, Rejected, type Actor } from '../act.ts';
import { patchMetadata, type Clock, type KubeObject, type Reconcile, type Store } from '../kube/index.ts';
import { FIELD_MANAGER } from '../labels.ts';
import type { Newest } from '../newest.ts';
import { decide, type TrainingDecision } from './decide.ts';
import { FINALIZER } from './names.ts';
import { closeRun, observe, type TrainingSources } from './observe.ts';
import { readTrainingRun } from './training-run.ts';

export interface TrainingOptions extends TrainingSources {
  readonly trainingRuns: Store<KubeObject>;
  readonly actor: Actor;
  readonly newest: Newest;
  readonly clock: Clock;
}

export function createTrainingReconcile(options: TrainingOptions): Reconcile {
  const { transport, actor, newest, clock } = options;

  /** Takes or gives back the finalizer; a conflict means that the object changed, and the key comes again. */
  async function setFinalizer(object: KubeObject, held: boolean, signal: AbortSignal): Promise<KubeObject> {
    const finalizers = object.metadata.finalizers ?? [];
    if (finalizers.includes(FINALIZER) === held) return object;
    const wanted = held ? [...finalizers, FINALIZER] : finalizers.filter((name) => name !== FINALIZER);
    const after = await patchMetadata(
      transport,
      object,
      { finalizers: wanted },
      { fieldManager: FIELD_MANAGER, signal },
    );
    newest.wrote(after);
    return after;
  }

  async function carryOut(
    object: KubeObject,
    decision: TrainingDecision,
    signal: AbortSignal,
  ): Promise<void> {
    const held = decision.finalizer === 'hold' ? await setFinalizer(object, true, signal) : object;
    const after = await act(actor, held, decision, signal);
    newest.wrote(after);
    if (decision.finalizer === 'release') await setFinalizer(after, false, signal);
  }

  return async (key, signal) => {
    const cached = options.trainingRuns.get(key);
    if (cached === undefined) {
      options.tracked.forget(key);
      options.closing.forget(key);
      newest.forget(key);
      actor.forget(key);
      return undefined;
    }
    const object = newest.of(cached);
    const run = readTrainingRun(object);
    const world = await observe(run, options, signal);
    let decision = decide(run, world, clock.now());
    if (decision.close !== undefined) {
      const closed = closeRun(run, decision.close, options);
      if (closed !== undefined) decision = decide(run, { ...world, closed }, clock.now());
    }
    try {
      await carryOut(object, decision, signal);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      decision = decide(run, { ...world, rejected: error.message }, clock.now());
      await carryOut(newest.of(cached), decision, signal);
    }
    return decision.requeueAfterMs === undefined ? undefined : { requeueAfterMs: decision.requeueAfterMs };
  };
}
