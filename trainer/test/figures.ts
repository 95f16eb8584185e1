/** For tests of figures that may not be defined. */
import { expect } from 'vitest';
import type { TrainerCode } from '../src/errors.ts';
import { isDefined, type NotDefined } from '../src/statistics/samples.ts';

/** The figure, where the test is about its value. */
export function defined<T>(figure: T | NotDefined): T {
  if (!isDefined(figure)) throw new Error(`a value was expected, but ${figure.notDefined}`);
  return figure;
}

/** A number that agrees to `digits` decimals. */
export function near(number: number, digits = 12): unknown {
  return expect.closeTo(number, digits);
}

/** A TrainerError of this code. */
export function failure(code: TrainerCode): unknown {
  return expect.objectContaining({ code });
}
