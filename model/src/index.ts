export {
  AGGREGATION_RULES,
  aggregate,
  type AggregationRule,
  type Probabilities,
} from './decision/aggregation.ts';
export { answerOf, temperatureOf, type Answer } from './decision/answer.ts';
export {
  DECISION_FILE,
  decisionSchema,
  type Aggregation,
  type AggregationCandidate,
  type Decision,
  type Level,
  type LevelDecision,
  type ShortcutDirection,
} from './decision/decision.ts';
export { isDefined, type NotDefined } from './decision/figure.ts';
export {
  atTemperature,
  conformalAnswer,
  type ConformalThreshold,
  type OperatingPoint,
  type OperatingRule,
  type Temperature,
} from './decision/thresholds.ts';
export { isOnGpu, loadEngine, type Tf } from './engine.ts';
export { EngineError, PackageError, WeightsError } from './errors.ts';
export { type Activations } from './explain/activations.ts';
export { gradCam, type GradCam } from './explain/grad-cam.ts';
export { readHead, type Head } from './explain/head.ts';
export { joinModel } from './join.ts';
export { setTrainingStep } from './layers/seeded-dropout.ts';
export { buildFrozen, buildTail, logitsOf } from './network.ts';
export { fitNormaliser, type Normaliser } from './normaliser.ts';
export { activationNames, extraOutputs, type ActivationNames } from './onnx/extra-outputs.ts';
export { int8Model } from './onnx/quantise.ts';
export { loadOnnx } from './onnx/session.ts';
export { loadClassifier, type Classifier } from './package/classifier.ts';
export { readGoldenInputs, type Golden } from './package/golden.ts';
export {
  INT8_PATH,
  type PackageFile,
  type PackageInfo,
  type PackageMetadata,
  type PackageRun,
} from './package/metadata.ts';
export { openPackage } from './package/open.ts';
export { writePackage } from './package/write.ts';
export {
  binOf,
  histogramOf,
  readReference,
  REFERENCE_PATH,
  REFERENCE_STATISTICS,
  type Reference,
  type ReferenceStatistic,
} from './reference/reference.ts';
export { INPUT_STATISTICS, inputStatistics } from './reference/statistics.ts';
export { featureGroups, type Cut, type Tap } from './taps.ts';
export { BASE_WEIGHTS_SHA256, readBaseWeights, type BaseWeights } from './weights/base.ts';
export { convertBaseWeights } from './weights/convert.ts';
