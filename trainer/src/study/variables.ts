/** What a search may vary in the settings of a run, and the settings that its parameters make. Pure. */
import type { Window } from '@hilum/imaging';
import { VGG16_CONVOLUTIONS } from '@hilum/crds';
import type { Parameters, Value } from '@hilum/search';
import type { Recipe } from '../recipe.ts';

/** All that decides what a network learns, and from what. */
export interface Settings extends Recipe {
  readonly preprocessing: { readonly inputSize: number; readonly window?: Window };
}

type Path<Groups> = {
  [Group in keyof Groups & string]: `${Group}.${keyof Groups[Group] & string}`;
}[keyof Groups & string];

/** The seed makes noise, not a better network; a window is how pictures were made. */
type Fixed = 'hyperparameters.seed' | 'preprocessing.window';
export type VariableName = Exclude<Path<Settings>, Fixed>;

/** `list`: of names in a fixed order, written as one text with commas between them where a search hands it on. */
export type Variable =
  | { readonly kind: 'int'; readonly min: number; readonly max: number }
  /** `below`: `max` itself is not allowed; `above`: nor is `min`. */
  | {
      readonly kind: 'double';
      readonly min: number;
      readonly max: number;
      readonly above?: true;
      readonly below?: true;
    }
  | { readonly kind: 'word'; readonly of: readonly (string | number)[] }
  | { readonly kind: 'list'; readonly of: readonly string[] };

/** The bounds are those of a TrainingRun, so that what was found can be written into one. */
export const VARIABLES: Readonly<Record<VariableName, Variable>> = {
  'preprocessing.inputSize': { kind: 'int', min: 32, max: 512 },
  'model.trainableFrom': { kind: 'word', of: ['head', ...VGG16_CONVOLUTIONS] },
  'model.taps': { kind: 'list', of: [...VGG16_CONVOLUTIONS, 'block5_pool', 'pixels'] },
  'model.pooling': { kind: 'word', of: ['avg', 'avg-max'] },
  'model.views': { kind: 'word', of: [1, 4] },
  'model.normalise': { kind: 'word', of: ['none', 'quantile'] },
  'model.headUnits': { kind: 'int', min: 0, max: 4096 },
  'model.dropout': { kind: 'double', min: 0, max: 1, below: true },
  'model.l2': { kind: 'double', min: 0, max: 1 },
  'hyperparameters.epochs': { kind: 'int', min: 1, max: 1000 },
  'hyperparameters.batchSize': { kind: 'int', min: 1, max: 4096 },
  'hyperparameters.learningRate': { kind: 'double', min: 0, max: 1, above: true },
  'hyperparameters.optimizer': { kind: 'word', of: ['adam', 'sgd'] },
  'hyperparameters.schedule': { kind: 'word', of: ['constant', 'cosine', 'plateau'] },
  'hyperparameters.warmupEpochs': { kind: 'int', min: 0, max: 100 },
  'hyperparameters.patience': { kind: 'int', min: 0, max: 1000 },
  'hyperparameters.keepEpoch': { kind: 'word', of: ['best', 'last'] },
  'hyperparameters.classWeights': { kind: 'word', of: ['balanced', 'none'] },
  'hyperparameters.unitWeights': { kind: 'word', of: ['none', 'equal'] },
  'augmentation.copies': { kind: 'int', min: 0, max: 64 },
  'augmentation.rotationDegrees': { kind: 'int', min: 0, max: 45 },
  'augmentation.shiftPercent': { kind: 'int', min: 0, max: 25 },
  'augmentation.scalePercent': { kind: 'int', min: 0, max: 50 },
  'augmentation.noise': { kind: 'int', min: 0, max: 500 },
};

/** `undefined` for a name that cannot be varied. */
export function variableOf(name: string): Variable | undefined {
  return Object.hasOwn(VARIABLES, name) ? VARIABLES[name as VariableName] : undefined;
}

/** What is wrong with a value of a variable, as the end of a sentence; undefined where nothing is. */
export function misfit(variable: Variable, value: unknown): string | undefined {
  switch (variable.kind) {
    case 'word':
      return variable.of.some((one) => one === value) ? undefined : `is one of ${variable.of.join(', ')}`;
    case 'list':
      return isListOf(variable.of, value) ? undefined : `is a list of some of ${variable.of.join(', ')}`;
    default:
      return isWithin(variable, value) ? undefined : `is ${rangeOf(variable)}`;
  }
}

/**
 * The settings with the parameters in their places.
 *
 * @throws RangeError for a parameter that cannot be varied or has a value that it cannot have
 */
export function applyParameters(settings: Settings, parameters: Parameters): Settings {
  const groups: Record<string, Record<string, unknown>> = {
    preprocessing: { ...settings.preprocessing },
    model: { ...settings.model },
    hyperparameters: { ...settings.hyperparameters },
    augmentation: { ...settings.augmentation },
  };
  for (const [name, value] of Object.entries(parameters)) {
    const variable = variableOf(name);
    const wrong = variable === undefined ? 'cannot be varied' : misfit(variable, value);
    const [group = '', key = ''] = name.split('.');
    const into = groups[group];
    if (variable === undefined || wrong !== undefined || into === undefined) {
      throw new RangeError(`${name} ${wrong ?? 'cannot be varied'}`);
    }
    into[key] = variable.kind === 'list' ? namesOf(value) : value;
  }
  return groups as unknown as Settings;
}

/** Why these settings cannot be run together; undefined where they can. As the rules of a TrainingRun say it. */
export function contradiction({ model, hyperparameters }: Settings): string | undefined {
  const { trainableFrom, taps, views, normalise } = model;
  if (hyperparameters.warmupEpochs >= hyperparameters.epochs) return 'warmupEpochs must be below epochs';
  if (hyperparameters.keepEpoch === 'last' && hyperparameters.patience > 0)
    return 'patience goes with keepEpoch best only';
  if (trainableFrom === 'head') return undefined;
  if (views !== 1 || normalise !== 'none') return 'views and normalise go with trainableFrom head only';
  // By their letters the layers are in their order.
  const early = taps.find((tap) => tap === 'pixels' || tap < trainableFrom);
  return early === undefined ? undefined : `the tap ${early} lies before ${trainableFrom}`;
}

/** `['block1_conv2', 'block2_conv2']` as one value of a parameter. */
export function listValue(names: readonly string[]): string {
  return names.join(',');
}

function namesOf(value: Value): readonly string[] {
  return String(value).split(',');
}

function isListOf(of: readonly string[], value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const names = namesOf(value);
  return names.every((name) => of.includes(name)) && new Set(names).size === names.length;
}

type NumberVariable = Extract<Variable, { readonly kind: 'int' | 'double' }>;

function isWithin(variable: NumberVariable, value: unknown): boolean {
  if (typeof value !== 'number' || !(value >= variable.min && value <= variable.max)) return false;
  if (variable.kind === 'int') return Number.isInteger(value);
  if (variable.above === true && value === variable.min) return false;
  return variable.below !== true || value < variable.max;
}

function rangeOf(variable: NumberVariable): string {
  const { min, max } = variable;
  if (variable.kind === 'int') return `a whole number from ${min} to ${max}`;
  return `a number ${variable.above === true ? 'above' : 'from'} ${min} ${variable.below === true ? 'and below' : 'to'} ${max}`;
}
