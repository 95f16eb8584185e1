/** Text of flags → values. Pure; every refusal names the flag. */
import { UsageError } from './command.ts';

export function required(flag: string, text: string | undefined): string {
  if (text === undefined || text === '') throw new UsageError(`--${flag} is missing`);
  return text;
}

export function integer(flag: string, text: string | undefined, bounds: Bounds): number {
  const value = number(flag, text, bounds);
  if (!Number.isInteger(value)) throw new UsageError(`--${flag} is a whole number, not ${text}`);
  return value;
}

export function number(flag: string, text: string | undefined, { fallback, min, max }: Bounds): number {
  if (text === undefined) return fallback;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${flag} is a number from ${min} to ${max}, not ${text}`);
}

interface Bounds {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

export function oneOf<Choice extends string>(
  flag: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (text === undefined) return undefined;
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new UsageError(`--${flag} is one of ${choices.join(', ')}, not ${text}`);
  return found;
}

/** `-600/1500`: centre and width of a window in Hounsfield units; `none`. */
export function hounsfieldWindow(
  flag: string,
  text: string | undefined,
): { readonly center: number; readonly width: number } | undefined {
  // A pipeline's command has its flags always, whatever its parameters say.
  if (text === undefined || text === 'none') return undefined;
  const { center, width } = /^(?<center>-?\d+)\/(?<width>\d+)$/.exec(text)?.groups ?? {};
  if (center === undefined || Number(width) < 1) {
    throw new UsageError(`--${flag} is CENTER/WIDTH in Hounsfield units, such as -600/1500, not ${text}`);
  }
  return { center: Number(center), width: Number(width) };
}

export function noMore(positionals: readonly string[]): void {
  if (positionals.length > 0)
    throw new UsageError(`nobody asked for ${positionals.join(' ')}; options begin with --`);
}
