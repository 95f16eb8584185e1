export { train } from './train.ts';
export type { TrainOptions, TrainResult } from './options.ts';
export { evaluate, type EvaluatedPackage } from './evaluate.ts';
export type { Assessment } from './evaluation/assessment.ts';
export { metricsFile, type MetricsFile } from './evaluation/metrics-file.ts';
export type { Evaluation, Figures, ImageScore, UnitScore } from './evaluation.ts';
export type { TrainEvent } from './events.ts';
export { catchUp, type CaughtUp, type CatchUpOptions } from './tracking/catch-up.ts';
export { scanDataset, type Dataset, type DatasetImage } from './dataset/scan.ts';
export {
  datasetMd5,
  pushDataset,
  type PushedDataset,
  type PushOptions,
  type TransferProgress,
} from './dvc/push.ts';
export { chooseSplit, type SplitSource } from './dataset/choose-split.ts';
export { splitDigest, writeSplit } from './dataset/split-record.ts';
export { PARTS } from './dataset/split.ts';
export { labelDataset, type LabelSource } from './labels/label.ts';
export { labelsFrom, manifestAt } from './labels/table-kind.ts';
export { JoinedGroups } from './audit/joined-groups.ts';
export { auditLeakage, type Audit } from './audit/audit.ts';
export { sentenceOf } from './audit/refusal.ts';
export { copyDataset } from './dvc/copy.ts';
export { formatPointer } from './dvc/pointer.ts';
export { pullDataset, type PullOptions } from './dvc/pull.ts';
export { locateDataset, locateRemote, type DatasetAddress, type LocatedDataset } from './dvc/address.ts';
export { TRAINER_CODES, TrainerError, type TrainerCode } from './errors.ts';
export { writePhantomStudies, type PhantomOptions } from './phantom/studies.ts';
export { assessmentFiles, rocCsv } from './report-files.ts';
export { recipeOf, type Recipe } from './recipe.ts';
export { quantiseModel, type Int8Record } from './int8.ts';
export { aucRoc } from './metrics.ts';
export { compareAuc } from './statistics/auc.ts';
export { searchFolder } from './study/search-folder.ts';
export { type FoundSettings, type SearchOptions } from './study/search-options.ts';
export { readCandidates, readSpace } from './study/settings-file.ts';
export { stepsOf, stoppingOf } from './study/stopping.ts';
export { type StudyEvent } from './study/study-options.ts';
export { type StudyTrial } from './study/trials.ts';
export { crossValidateFolder, type CrossValidationRunEvent } from './crossvalidate/run.ts';
export { type CrossValidation, type LevelSummary } from './crossvalidate/summary.ts';
export { wordOf } from './plots/theme.ts';
