/** What may be searched: named parameters with bounds. */
import { SearchError } from './errors.ts';

export type Value = number | string | boolean;
export type Parameters = Readonly<Record<string, Value>>;

export interface NumberParameter {
  readonly name: string;
  readonly type: 'double' | 'int';
  /** Both included. */
  readonly min: number;
  readonly max: number;
  /** `log`: as many trials between 0.001 and 0.01 as between 0.01 and 0.1. Default `linear`. */
  readonly scale?: 'linear' | 'log';
  /** Only `min`, `min + step`, … up to `max`; on a linear scale. An int has a step of 1 of its own. */
  readonly step?: number;
}

export interface ChoiceParameter {
  readonly name: string;
  readonly type: 'choice';
  /** Without an order between them. */
  readonly values: readonly Value[];
}

export type Parameter = NumberParameter | ChoiceParameter;
export type Space = readonly Parameter[];

/** Throws SearchError with the first thing that is wrong with the space. */
export function checkSpace(space: Space): void {
  if (space.length === 0) throw new SearchError('SPACE_EMPTY');
  const names = new Set<string>();
  for (const parameter of space) {
    if (parameter.name === '') throw new SearchError('NAME_INVALID');
    if (names.has(parameter.name)) throw new SearchError('NAME_DUPLICATE', parameter.name);
    names.add(parameter.name);
    if (parameter.type === 'choice') checkChoice(parameter);
    else checkNumber(parameter);
  }
}

function checkChoice({ name, values }: ChoiceParameter): void {
  const numbersAreFinite = values.every((value) => typeof value !== 'number' || Number.isFinite(value));
  if (values.length === 0 || new Set(values).size !== values.length || !numbersAreFinite) {
    throw new SearchError('CHOICES_INVALID', name);
  }
}

function checkNumber({ name, type, min, max, scale, step }: NumberParameter): void {
  if (!Number.isFinite(min) || !Number.isFinite(max) || min > max || !Number.isFinite(max - min)) {
    throw new SearchError('BOUNDS_INVALID', `${name} from ${min} to ${max}`);
  }
  if (type === 'int' && ![min, max, step ?? 1].every((value) => Number.isSafeInteger(value))) {
    throw new SearchError('INT_NOT_WHOLE', name);
  }
  if (scale === 'log' && min <= 0) throw new SearchError('LOG_NOT_POSITIVE', `${name} from ${min}`);
  if (step === undefined) return;
  // So many steps that a double cannot tell one from the next are a slip of the pen.
  const countable = step > 0 && (max - min) / step < 1e9;
  if (!countable || scale === 'log') throw new SearchError('STEP_INVALID', name);
}
