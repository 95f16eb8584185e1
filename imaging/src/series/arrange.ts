import { cellsOf, withoutCopies } from './copies.ts';
import type { DigestOf } from './copies.ts';
import { along, beside, isPixelSpacingPlausible, isUsualView, placementOf, planeOf } from './geometry.ts';
import type { Placement } from './geometry.ts';
import { withoutLocalizers } from './localizers.ts';
import { mixture } from './mixture.ts';
import { canonically, refuse } from './series.ts';
import type { Frame, Refusal, Series, SeriesWarning, SliceRef } from './series.ts';
import { spacingOf } from './spacing.ts';

// Decimal strings round positions: below half a millimetre of shift, an angle says nothing.
const SHIFT_MIN_MM = 0.5;
const TILT_MIN_DEGREES = 1;

/** The frames of each series. A frame without a Series Instance UID belongs to none but its own. */
export function groupFrames(frames: readonly Frame[]): readonly (readonly Frame[])[] {
  // No UID holds a space.
  return [
    ...Map.groupBy(
      frames,
      ({ facts, source }) => facts.seriesUid || ` ${facts.instanceUid} ${source.name}`,
    ).values(),
  ];
}

/** The frames that lie at one position, two or more each: only their pixels tell whether one is a copy. */
export function collisions(frames: readonly Frame[]): readonly (readonly Frame[])[] {
  return stackOf(frames).cells.filter((cell) => cell.length > 1);
}

/**
 * One series out of its frames, given in any order. Never throws: what stands against it is its `refusal`. Instance
 * numbers and slice thickness are not looked at, as scanners number from either end and slices overlap.
 */
export function arrange(frames: readonly Frame[], digestOf: DigestOf): Series {
  const stack = stackOf(frames);
  if (stack.refusal !== undefined) return seriesOf(stack, stack.cells.flat(), { refusal: stack.refusal });
  const deduplicated = withoutCopies(stack.cells, digestOf);
  if ('code' in deduplicated) return seriesOf(stack, stack.cells.flat(), { refusal: deduplicated });
  const { slices, warnings } = deduplicated;
  const spacing = spacingOf(slices);
  return seriesOf(stack, slices, {
    ...spacing,
    tiltDegrees: stack.tiltDegrees,
    warnings: [...warnings, ...spacing.warnings],
  });
}

type Stack = {
  /** Frames by position, ascending; those at one position together. */
  readonly cells: readonly (readonly SliceRef[])[];
  readonly reference: Placement | undefined;
  readonly warnings: readonly SeriesWarning[];
  readonly tiltDegrees: number;
  readonly refusal?: Refusal;
};

function stackOf(frames: readonly Frame[]): Stack {
  const all = frames.toSorted(canonically);
  const { kept, warnings } = withoutLocalizers(all);
  const [first] = kept;
  if (first === undefined) return unplaced(all, refuse('LOCALIZER'));
  const reference = placementOf(first.facts);
  if (reference === undefined) {
    return kept.length === 1 ? { ...unplaced(kept), warnings } : unplaced(all, refuse('GEOMETRY_UNKNOWN'));
  }
  const placements = kept.map(({ facts }) => placementOf(facts)).filter((one) => one !== undefined);
  if (placements.length < kept.length || !kept.every(({ facts }) => isPixelSpacingPlausible(facts))) {
    return unplaced(all, refuse('GEOMETRY_UNKNOWN'));
  }
  const tiltDegrees = tiltOf(placements);
  const mixed = mixture(kept, placements);
  const refusal =
    mixed === undefined
      ? planeOf(reference) === 'axial'
        ? undefined
        : refuse('NOT_AXIAL')
      : refuse('SERIES_MIXED', mixed);
  return {
    cells: cellsOf(kept, reference),
    reference,
    warnings: [...warnings, ...viewWarnings(reference, tiltDegrees)],
    tiltDegrees,
    ...(refusal === undefined ? {} : { refusal }),
  };
}

function unplaced(frames: readonly Frame[], refusal?: Refusal): Stack {
  return {
    cells: frames.map((frame) => [{ ...frame, positionMm: undefined }]),
    reference: undefined,
    warnings: [],
    tiltDegrees: 0,
    ...(refusal === undefined ? {} : { refusal }),
  };
}

/** The largest angle, in degrees, between the normal and the line from the first slice to another. */
function tiltOf(placements: readonly Placement[]): number {
  const [first] = placements;
  if (first === undefined) return 0;
  const angles = placements.map(({ position }) => {
    const shift = beside(first.normal, first.position, position);
    const depth = Math.abs(along(first.normal, position) - along(first.normal, first.position));
    return shift < SHIFT_MIN_MM ? 0 : (Math.atan2(shift, depth) * 180) / Math.PI;
  });
  const most = angles.reduce((a, b) => Math.max(a, b), 0);
  return most > TILT_MIN_DEGREES ? most : 0;
}

function viewWarnings(reference: Placement, tiltDegrees: number): readonly SeriesWarning[] {
  const tilted: SeriesWarning = {
    code: 'SERIES_TILTED',
    message:
      `The slices are not stacked along their normal (by ${tiltDegrees.toFixed(1)}°): ` +
      'the gantry was tilted, or the field of view moved.',
    names: [],
  };
  const turned: SeriesWarning = {
    code: 'VIEW_UNUSUAL',
    message: 'The slices are turned or mirrored against the usual view: a prone patient, or another export.',
    names: [],
  };
  return [
    ...(tiltDegrees > 0 ? [tilted] : []),
    ...(planeOf(reference) !== 'axial' || isUsualView(reference) ? [] : [turned]),
  ];
}

function seriesOf(
  { reference, warnings }: Stack,
  slices: readonly SliceRef[],
  found: {
    readonly spacingMm?: number | undefined;
    readonly tiltDegrees?: number;
    readonly warnings?: readonly SeriesWarning[];
    readonly refusal?: Refusal;
  },
): Series {
  const facts = slices[0]?.facts;
  return {
    uid: facts?.seriesUid ?? '',
    studyUid: facts?.studyUid ?? '',
    slices,
    spacingMm: found.spacingMm,
    rows: facts?.rows ?? 0,
    columns: facts?.columns ?? 0,
    pixelSpacing: facts?.pixelSpacing,
    sliceThicknessMm: facts?.sliceThicknessMm,
    plane: reference === undefined ? undefined : planeOf(reference),
    tiltDegrees: found.tiltDegrees ?? 0,
    kernel: facts?.kernel,
    bodyPart: facts?.bodyPart,
    warnings: [...warnings, ...(found.warnings ?? [])],
    ...(found.refusal === undefined ? {} : { refusal: found.refusal }),
  };
}
