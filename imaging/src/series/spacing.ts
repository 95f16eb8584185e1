import { millimetres, refuse } from './series.ts';
import type { Refusal, SeriesWarning, SliceRef } from './series.ts';

// A missing slice doubles a step; rounding and a table that slips do not make half a step.
const GAP_STEPS = 1.5;
const IRREGULAR_SHARE = 0.1;
// Positions written with one decimal shift a step by as much.
const ROUNDING_MM = 0.1;
// Sparse high-resolution series step by 10 or 20 mm; beyond this, slices are no stack of one organ.
const SPACING_MAX_MM = 50;
const GAPS_NAMED = 3;

/**
 * The spacing of slices in ascending order: the median of the steps between their positions (the lower one of two),
 * and what the steps say against it.
 */
export function spacingOf(slices: readonly SliceRef[]): {
  readonly spacingMm?: number;
  readonly warnings: readonly SeriesWarning[];
  readonly refusal?: Refusal;
} {
  const steps = slices.slice(1).map((slice, at) => mm(slice) - mm(slices[at]));
  const median = steps.toSorted((a, b) => a - b)[Math.floor((steps.length - 1) / 2)];
  if (median === undefined) return { warnings: [] };
  // Differences of decimals: what lies below a nanometre is of the binary numbers, not of the scanner.
  const spacingMm = Number(median.toFixed(6));
  if (!(spacingMm <= SPACING_MAX_MM)) return { spacingMm, warnings: [], refusal: refuse('GEOMETRY_UNKNOWN') };
  const gaps = steps.flatMap((step, at) =>
    step > GAP_STEPS * spacingMm
      ? [gapText(slices[at], slices[at + 1], Math.round(step / spacingMm) - 1)]
      : [],
  );
  if (gaps.length > 0) return { spacingMm, warnings: [], refusal: refuse('SERIES_GAP', gapsText(gaps)) };
  return { spacingMm, warnings: [...irregular(steps, spacingMm), ...apart(slices, spacingMm)] };
}

function mm(slice: SliceRef | undefined): number {
  return slice?.positionMm ?? Number.NaN;
}

function gapText(before: SliceRef | undefined, after: SliceRef | undefined, missing: number): string {
  // 1.5 steps round to 2, so that at least one is missing.
  const count = Math.max(1, missing);
  const span = `${millimetres(before?.positionMm)} and ${millimetres(after?.positionMm)}`;
  return `Between ${span} ${count === 1 ? '1 slice is' : `${count} slices are`} missing.`;
}

function gapsText(gaps: readonly string[]): string {
  const named = gaps.slice(0, GAPS_NAMED).join(' ');
  const more = gaps.length - GAPS_NAMED;
  return more > 0 ? `${named} And ${more} more ${more === 1 ? 'gap' : 'gaps'}.` : named;
}

function irregular(steps: readonly number[], spacingMm: number): readonly SeriesWarning[] {
  const tolerance = Math.max(ROUNDING_MM * 1.01, IRREGULAR_SHARE * spacingMm);
  const off = steps.filter((step) => Math.abs(step - spacingMm) > tolerance);
  if (off.length === 0) return [];
  const [least, most] = [Math.min, Math.max].map((pick) => off.reduce((a, b) => pick(a, b)));
  const message =
    `The slices are not evenly spaced: ${millimetres(spacingMm)} as a rule, ` +
    `but also ${least === most ? '' : `${millimetres(least)} to `}${millimetres(most)}.`;
  return [{ code: 'SPACING_IRREGULAR', message, names: [] }];
}

/** Thin slices far apart leave tissue that no slice shows. */
function apart(slices: readonly SliceRef[], spacingMm: number): readonly SeriesWarning[] {
  const thickness = slices[0]?.facts.sliceThicknessMm;
  if (thickness === undefined || !(thickness > 0) || spacingMm <= thickness * (1 + IRREGULAR_SHARE))
    return [];
  const message =
    `Slices of ${millimetres(thickness)} lie ${millimetres(spacingMm)} apart: ` +
    'what lies between them is on no slice.';
  return [{ code: 'SLICES_APART', message, names: [] }];
}
