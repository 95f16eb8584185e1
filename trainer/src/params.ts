/** The settings of a run as MLflow keeps them: flat, and text. Pure. */
import type { TrainOptions } from './options.ts';
import type { Plan } from './plan.ts';

/** What MLflow shows of a run's settings. */
export function paramsOf(plan: Plan, options: TrainOptions, pin: string): Record<string, string> {
  const { preprocessing, model, hyperparameters, augmentation } = options;
  const { seed, fractions } = plan.split;
  const split = { seed, ...fractions, sha256: plan.splitSha256 };
  const groups = {
    split,
    preprocessing: { inputSize: preprocessing.inputSize },
    model,
    hyperparameters,
    augmentation,
  };
  const flat = Object.entries(groups).flatMap(([group, values]) =>
    Object.entries(values).map(([key, value]) => [`${group}.${key}`, String(value)] as const),
  );
  const window = preprocessing.window;
  return {
    ...Object.fromEntries(flat),
    'dataset.md5': pin,
    'dataset.kind': plan.dataset.kind,
    'dataset.files': String(plan.counts.files),
    ...(plan.dataset.labelsSha256 && { 'dataset.labelsSha256': plan.dataset.labelsSha256 }),
    'dataset.labels': plan.dataset.labels.join(','),
    positiveLabel: plan.positiveLabel,
    ...(window === undefined ? {} : { 'preprocessing.window': `${window.center}/${window.width}` }),
  };
}
