/** A small controller runtime for Kubernetes, specified by the behaviour of client-go. */
export { createClock, sleep, type Clock } from './clock.ts';
export { setCondition, findCondition, timestamp, type Condition, type NewCondition } from './conditions.ts';
export { createController, type Controller, type Log, type Reconcile, type Requeue } from './controller.ts';
export { createElector, type Elector } from './elector.ts';
export { ApiError, isAlreadyExists, isConflict, isNotFound } from './errors.ts';
export { createExpectations, type Expectations } from './expectations.ts';
export { createHealth, type Check, type Health } from './health.ts';
export { runManager } from './manager.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export {
  keyOf,
  splitKey,
  pathOf,
  type KubeObject,
  type ObjectMeta,
  type OwnerReference,
  type Resource,
} from './object.ts';
export { createQueue, type Queue } from './queue.ts';
export { createRecorder, type NewEvent, type Recorder } from './recorder.ts';
export { createReflector, type Change, type Reflector } from './reflector.ts';
export { createStore, type Store, type WritableStore } from './store.ts';
export { createTransport, type Transport } from './transport.ts';
export { apply, applyStatus, create, patchMetadata, remove, type MetadataPatch } from './writes.ts';
