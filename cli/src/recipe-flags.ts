/**
 * The flags that say how a network is made and trained. Their names, bounds, defaults and words are those of a
 * TrainingRun's fields: what works here works in the cluster.
 */
import { recipeParts } from '@hilum/crds';
import { recipeOf, type Recipe, type TrainOptions } from '@hilum/trainer';
import { z } from 'zod';
import { UsageError } from './command.ts';
import { hounsfieldWindow } from './flags.ts';

/** Flag → part and field of the spec. */
const FIELDS = {
  'input-size': ['preprocessing', 'inputSize'],
  window: ['preprocessing', 'window'],
  'trainable-from': ['model', 'trainableFrom'],
  taps: ['model', 'taps'],
  pooling: ['model', 'pooling'],
  views: ['model', 'views'],
  normalise: ['model', 'normalise'],
  'head-units': ['model', 'headUnits'],
  dropout: ['model', 'dropout'],
  l2: ['model', 'l2'],
  epochs: ['hyperparameters', 'epochs'],
  'batch-size': ['hyperparameters', 'batchSize'],
  'learning-rate': ['hyperparameters', 'learningRate'],
  seed: ['hyperparameters', 'seed'],
  optimizer: ['hyperparameters', 'optimizer'],
  schedule: ['hyperparameters', 'schedule'],
  'warmup-epochs': ['hyperparameters', 'warmupEpochs'],
  patience: ['hyperparameters', 'patience'],
  'keep-epoch': ['hyperparameters', 'keepEpoch'],
  'class-weights': ['hyperparameters', 'classWeights'],
  'unit-weights': ['hyperparameters', 'unitWeights'],
  copies: ['augmentation', 'copies'],
  'rotation-degrees': ['augmentation', 'rotationDegrees'],
  'shift-percent': ['augmentation', 'shiftPercent'],
  'scale-percent': ['augmentation', 'scalePercent'],
  noise: ['augmentation', 'noise'],
} as const satisfies Record<string, readonly [keyof typeof recipeParts, string]>;

export type RecipeFlag = keyof typeof FIELDS;
export type RecipeValues = Readonly<Partial<Record<RecipeFlag, string>>>;

export const recipeFlags = Object.fromEntries(
  Object.entries(FIELDS).map(([flag, [part, field]]) => [
    flag,
    { type: 'string', description: wordsOf(fieldOf(part, field)) },
  ]),
) as Readonly<Record<RecipeFlag, { readonly type: 'string'; readonly description: string }>>;

/**
 * What the flags ask for, over the defaults of a TrainingRun.
 *
 * @throws UsageError naming every flag that is wrong
 */
export function recipeOfFlags(values: RecipeValues): Recipe & Pick<TrainOptions, 'preprocessing'> {
  const parts: Record<keyof typeof recipeParts, Record<string, unknown>> = {
    preprocessing: {},
    model: {},
    hyperparameters: {},
    augmentation: {},
  };
  for (const [flag, [part, field]] of Object.entries(FIELDS)) {
    const text = values[flag as RecipeFlag];
    if (text !== undefined) parts[part][field] = valueOf(flag, text, fieldOf(part, field));
  }
  const { window, ...rest } = checked(
    'preprocessing',
    recipeParts.preprocessing,
    parts.preprocessing,
    values,
  );
  return {
    preprocessing: { ...rest, ...(window !== undefined && { window }) },
    ...recipeOf({
      model: checked('model', recipeParts.model, parts.model, values),
      hyperparameters: checked('hyperparameters', recipeParts.hyperparameters, parts.hyperparameters, values),
      augmentation: checked('augmentation', recipeParts.augmentation, parts.augmentation, values),
    }),
  };
}

function checked<Part>(
  name: keyof typeof recipeParts,
  schema: z.ZodType<Part>,
  given: unknown,
  values: RecipeValues,
): Part {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => {
    const flag = Object.entries(FIELDS).find(([, [part, field]]) => part === name && field === path[0])?.[0];
    if (flag === undefined) return message;
    return `--${flag} ${kindOf(fieldOf(name, String(path[0])), message)}, not ${values[flag as RecipeFlag] ?? ''}`;
  });
  throw new UsageError([...new Set(lines)].join('; '));
}

/** What a value of a field is, as the middle of a sentence. */
function kindOf(field: z.ZodType, message: string): string {
  const inner = withoutDefault(field);
  if (inner instanceof z.ZodNumber) return `is a whole number from ${inner.minValue} to ${inner.maxValue}`;
  if (inner instanceof z.ZodEnum) return `is one of ${inner.options.join(', ')}`;
  const item = inner instanceof z.ZodArray ? inner.element : undefined;
  if (item instanceof z.ZodEnum) return `is a list of some of ${item.options.join(', ')}`;
  return `is wrong (${message})`;
}

function fieldOf(part: keyof typeof recipeParts, field: string): z.ZodType {
  const shape: Readonly<Record<string, z.ZodType>> = recipeParts[part].shape;
  const found = shape[field];
  if (found === undefined) throw new TypeError(`${part}.${field} is no field of a TrainingRun`);
  return found;
}

/** A number where the field is one; a list where it is one, its items between commas; a window; else the text itself. */
function valueOf(flag: string, text: string, field: z.ZodType): unknown {
  const { type } = withoutDefault(field).def;
  if (type === 'object') return hounsfieldWindow(flag, text);
  if (type === 'array') return text.split(',').map((item) => item.trim());
  // An empty text is no 0.
  if (type === 'number') return text.trim() === '' ? Number.NaN : Number(text);
  return text;
}

function wordsOf(field: z.ZodType): string {
  const inner = withoutDefault(field);
  const words = (field.description ?? inner.description ?? '').replace(/\.$/, '');
  const fallback: unknown = field.parse(undefined);
  if (fallback === undefined) return `CENTER/WIDTH in HU, or none. ${words}; default none`;
  return `${words}; default ${Array.isArray(fallback) ? fallback.join(',') : `${fallback as string | number}`}`;
}

function withoutDefault(field: z.ZodType): z.ZodType {
  return field instanceof z.ZodDefault || field instanceof z.ZodOptional
    ? (field.unwrap() as z.ZodType)
    : field;
}
