export { API_VERSION, GROUP, VERSION } from './crd.ts';
export {
  CONDITION_TYPES,
  REASONS,
  isReason,
  reasonOf,
  type Actor,
  type ModelDeploymentCondition,
  type Reason,
  type TrainingRunCondition,
} from './conditions.ts';
export type { Condition } from './fields.ts';
export {
  modelDeploymentSpecSchema,
  modelDeploymentStatusSchema,
  type ModelDeploymentSpec,
  type ModelDeploymentStatus,
} from './model-deployment.ts';
export { recipeParts, VGG16_CONVOLUTIONS } from './recipe.ts';
export {
  TRAINER_EXIT_CODES,
  trainerConfigSchema,
  trainerReportSchema,
  type TrainerConfig,
  type TrainerReport,
} from './trainer.ts';
export {
  trainingRunSpecSchema,
  trainingRunStatusSchema,
  type TrainingRunSpec,
  type TrainingRunStatus,
} from './training-run.ts';
