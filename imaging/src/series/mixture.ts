import type { SliceFacts } from '../dicom/facts.ts';
import { sameOrientation } from './geometry.ts';
import type { Placement } from './geometry.ts';
import type { Frame } from './series.ts';

// Decimal strings of one spacing, written by two programs, differ in their last digits.
const SPACING_TOLERANCE = 1e-3;

/**
 * What differs between slices that should be alike, as a text for people, or undefined. Kernels and frames of
 * reference are counted and not named: they are free text and identifiers. What only some slices state does not count.
 */
export function mixture(frames: readonly Frame[], placements: readonly Placement[]): string | undefined {
  const facts = frames.map((frame) => frame.facts);
  const found = [
    counted('orientations', placements, (a, b) => sameOrientation(a, b)),
    matrices(facts),
    counted('pixel spacings', present(facts, 'pixelSpacing'), sameSpacing),
    counted('reconstruction kernels', present(facts, 'kernel'), Object.is),
    counted('frames of reference', present(facts, 'frameOfReferenceUid'), Object.is),
  ].filter((text) => text !== undefined);
  return found.length === 0 ? undefined : `The series mixes ${found.join(', and ')}.`;
}

function present<K extends keyof SliceFacts>(
  facts: readonly SliceFacts[],
  key: K,
): readonly NonNullable<SliceFacts[K]>[] {
  return facts.flatMap((one) => {
    const value = one[key];
    return value === undefined || value === null ? [] : [value];
  });
}

/** Against the first one: `orientations (19 slices of one, 1 of another)`. */
function counted<T>(name: string, values: readonly T[], isSame: (a: T, b: T) => boolean): string | undefined {
  const [first] = values;
  if (first === undefined) return undefined;
  const alike = values.filter((value) => isSame(first, value)).length;
  const others = values.length - alike;
  if (others === 0) return undefined;
  const [most, fewest] = [Math.max(alike, others), Math.min(alike, others)];
  return `${name} (${most} ${most === 1 ? 'slice' : 'slices'} against ${fewest})`;
}

function matrices(facts: readonly SliceFacts[]): string | undefined {
  const sizes = new Set(facts.map(({ rows, columns }) => `${rows} × ${columns}`));
  if (sizes.size < 2) return undefined;
  return `matrix sizes (${[...sizes].toSorted().slice(0, 3).join(', ')}${sizes.size > 3 ? ', …' : ''})`;
}

function sameSpacing(a: readonly [number, number], b: readonly [number, number]): boolean {
  return [0, 1].every((axis) => {
    const [one, other] = [a[axis] ?? 0, b[axis] ?? 0];
    return Math.abs(one - other) <= SPACING_TOLERANCE * Math.max(one, other);
  });
}
