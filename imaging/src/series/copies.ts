import { along } from './geometry.ts';
import type { Placement } from './geometry.ts';
import { canonically, millimetres, refuse } from './series.ts';
import type { Frame, Refusal, SeriesWarning, SliceRef } from './series.ts';

/** A digest of what the frame shows; undefined where it cannot be decoded. Asked of frames at one position only. */
export type DigestOf = (frame: Frame) => string | undefined;

// Thinner slices than this are not reconstructed; positions that differ by less are one position, rounded twice.
const SAME_POSITION_MM = 0.01;

/** Frames by position, ascending; those at one position together, in their canonical order. */
export function cellsOf(frames: readonly Frame[], { normal }: Placement): readonly (readonly SliceRef[])[] {
  const placed = frames
    .map((frame) => ({ ...frame, positionMm: along(normal, frame.facts.position ?? [0, 0, 0]) }))
    .toSorted((a, b) => a.positionMm - b.positionMm);
  const cells: (typeof placed)[] = [];
  for (const slice of placed) {
    const cell = cells.at(-1);
    const start = cell?.[0];
    if (cell !== undefined && start !== undefined && slice.positionMm - start.positionMm < SAME_POSITION_MM) {
      cell.push(slice);
    } else cells.push([slice]);
  }
  // Rounded twice, a copy may come a hair before its original: who is kept must not hang on that.
  return cells.map((cell) => cell.toSorted(canonically));
}

/** One slice for each position; refused where what lies at one position is not the same. */
export function withoutCopies(
  cells: readonly (readonly SliceRef[])[],
  digestOf: DigestOf,
): Refusal | { readonly slices: readonly SliceRef[]; readonly warnings: readonly SeriesWarning[] } {
  const slices: SliceRef[] = [];
  const dropped: SliceRef[] = [];
  for (const cell of cells) {
    const [only] = cell;
    if (only === undefined) continue;
    const readable = cell.length === 1 ? cell : cell.filter((slice) => digestOf(slice) !== undefined);
    const [kept = only, ...copies] = readable;
    if (copies.some((copy) => digestOf(copy) !== digestOf(kept))) {
      return refuse(
        'SERIES_DUPLICATE',
        `At ${millimetres(kept.positionMm)} lie ${cell.length} slices that show different pixels: ` +
          'two phases or two reconstructions in one series?',
      );
    }
    slices.push(kept);
    dropped.push(...copies);
  }
  if (dropped.length === 0) return { slices, warnings: [] };
  const message =
    dropped.length === 1
      ? 'A slice that is there twice, pixel for pixel, was taken once.'
      : `${dropped.length} slices that are there more than once, pixel for pixel, were taken once.`;
  return {
    slices,
    warnings: [{ code: 'DUPLICATE_DROPPED', message, names: dropped.map(({ source }) => source.name) }],
  };
}
