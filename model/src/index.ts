export { loadEngine, type Tf } from './engine.ts';
export { EngineError, PackageError, WeightsError } from './errors.ts';
export { buildFrozen, buildTail, joinModel, type Cut } from './network.ts';
export { BASE_WEIGHTS_SHA256, readBaseWeights, type BaseWeights } from './weights/base.ts';
export { convertBaseWeights } from './weights/convert.ts';
