/** A small controller runtime for Kubernetes, specified by the behaviour of client-go. */
export { createClock, type Clock } from './clock.ts';
export { setCondition, findCondition, timestamp, type Condition } from './conditions.ts';
export { createController, type Log, type Reconcile } from './controller.ts';
export { createElector, type Elector } from './elector.ts';
export { ApiError, isAlreadyExists, isConflict, isNotFound } from './errors.ts';
export { createHealth, type Check } from './health.ts';
export { runManager } from './manager.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { keyOf, splitKey, pathOf, type KubeObject, type OwnerReference } from './object.ts';
export { createQueue, type Queue } from './queue.ts';
export { createRecorder, type Recorder } from './recorder.ts';
export { createReflector, type Change, type Reflector } from './reflector.ts';
export { createStore, type Store } from './store.ts';
export { createTransport, type Transport } from './transport.ts';
export { apply, applyStatus, create, patchMetadata, remove } from './writes.ts';
