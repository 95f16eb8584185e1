/** One parameter seen as a line from 0 to 1, or as a list of values without an order. */
import type { ChoiceParameter, NumberParameter, Parameter, Space, Value } from './space.ts';

export interface ChoiceAxis {
  readonly kind: 'choice';
  readonly name: string;
  /** How many values there are. */
  readonly size: number;
  readonly valueAt: (index: number) => Value;
  /** -1 when the axis does not hold the value. */
  readonly indexOf: (value: Value) => number;
}

export interface LineAxis {
  readonly kind: 'line';
  readonly name: string;
  /** How many values there are; `Infinity` when continuous. */
  readonly size: number;
  /** The value of a place from 0 to 1; a uniform place makes a uniform value on the parameter's scale. */
  readonly valueOf: (place: number) => number;
  /** The part of the line that `valueOf` maps to this value; a point when continuous. */
  readonly cellOf: (value: number) => Cell;
  readonly holds: (value: Value) => boolean;
  /** By size, from 0; only when `size` is finite. */
  readonly valueAt: (index: number) => number;
  readonly indexOf: (value: Value) => number;
}

export type Axis = ChoiceAxis | LineAxis;

export interface Cell {
  readonly low: number;
  readonly high: number;
}

export function axes(space: Space): readonly Axis[] {
  return space.map(axis);
}

function axis(parameter: Parameter): Axis {
  if (parameter.type === 'choice') return choice(parameter);
  const { min, max, type, scale, step = type === 'int' ? 1 : undefined } = parameter;
  if (min === max) return steps(parameter, 1);
  if (scale === 'log') return type === 'int' ? wholeLogarithmic(parameter) : continuous(parameter, LOG);
  if (step === undefined) return continuous(parameter, LINEAR);
  return steps(parameter, step);
}

function choice({ name, values }: ChoiceParameter): ChoiceAxis {
  return {
    kind: 'choice',
    name,
    size: values.length,
    valueAt: (index) => values[index] as Value,
    indexOf: (value) => values.indexOf(value),
  };
}

interface Scale {
  readonly to: (value: number) => number;
  readonly from: (scaled: number) => number;
}
const LINEAR: Scale = { to: (value) => value, from: (scaled) => scaled };
const LOG: Scale = { to: Math.log, from: Math.exp };

function continuous({ name, min, max }: NumberParameter, scale: Scale): LineAxis {
  const from = scale.to(min);
  const width = scale.to(max) - from;
  return {
    kind: 'line',
    name,
    size: Number.POSITIVE_INFINITY,
    // Twelve digits are plenty for a parameter, and hide what one platform's logarithm adds to the last of sixteen.
    valueOf: (place) => clamp(Number(scale.from(from + place * width).toPrecision(12)), min, max),
    cellOf: (value) => {
      const place = (scale.to(value) - from) / width;
      return { low: place, high: place };
    },
    holds: (value) => typeof value === 'number' && value >= min && value <= max,
    valueAt: () => Number.NaN,
    indexOf: () => -1,
  };
}

function steps({ name, min, max }: NumberParameter, step: number): LineAxis {
  // 0.7 / 0.1 is 6.999…: the last step counts although rounding has lost it.
  const size = Math.floor((max - min) / step + 1e-9) + 1;
  const valueAt = (index: number): number => {
    const value = min + index * step;
    // 0.1 + 2 * 0.1 is 0.30000000000000004: a person reads the value, so it is written as the person would.
    return Number.isSafeInteger(value) ? value : Math.min(max, Number(value.toPrecision(15)));
  };
  const nearest = (value: number): number => clamp(Math.round((value - min) / step), 0, size - 1);
  const indexOf = (value: Value): number => {
    if (typeof value !== 'number') return -1;
    const index = nearest(value);
    return Math.abs(valueAt(index) - value) <= step * 1e-6 ? index : -1;
  };
  return {
    kind: 'line',
    name,
    size,
    valueOf: (place) => valueAt(clamp(Math.floor(place * size), 0, size - 1)),
    cellOf: (value) => ({ low: nearest(value) / size, high: (nearest(value) + 1) / size }),
    holds: (value) => indexOf(value) >= 0,
    valueAt,
    indexOf,
  };
}

/** Whole numbers on a logarithmic scale: n has the line from log(n - ½) to log(n + ½). */
function wholeLogarithmic({ name, min, max }: NumberParameter): LineAxis {
  const from = Math.log(min - 0.5);
  const width = Math.log(max + 0.5) - from;
  const placeOf = (value: number): number => (Math.log(value) - from) / width;
  const indexOf = (value: Value): number =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value - min : -1;
  return {
    kind: 'line',
    name,
    size: max - min + 1,
    valueOf: (place) => clamp(Math.round(Math.exp(from + place * width)), min, max),
    cellOf: (value) => ({ low: placeOf(value - 0.5), high: placeOf(value + 0.5) }),
    holds: (value) => indexOf(value) >= 0,
    valueAt: (index) => min + index,
    indexOf,
  };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
