import type { SliceFacts, Vector } from '../dicom/facts.ts';

/** Where a slice lies, once its header was found to make sense. */
export type Placement = {
  /** Centre of the first pixel, mm. */
  readonly position: Vector;
  readonly row: Vector;
  readonly column: Vector;
  /** Unit vector, row × column. */
  readonly normal: Vector;
};

// A patient and a table fit into a few metres; beyond it, differences of positions lose their decimals.
const POSITION_MAX_MM = 10_000;
// Direction cosines come as decimal strings of three digits and more.
const COSINE_TOLERANCE = 0.01;
const PIXEL_MIN_MM = 0.01;
const PIXEL_MAX_MM = 20;

/**
 * The placement of one frame, or undefined where position or orientation are absent, not finite, out of any scanner's
 * reach, or no pair of perpendicular unit vectors (PS3.3 C.7.6.2.1.1).
 */
export function placementOf({ position, orientation }: SliceFacts): Placement | undefined {
  if (position === undefined || orientation === undefined) return undefined;
  // Written so that NaN fails each of them.
  if (!position.every((mm) => Math.abs(mm) <= POSITION_MAX_MM)) return undefined;
  const [row, column] = orientation;
  const isUnit = (vector: Vector) => Math.abs(length(vector) - 1) <= COSINE_TOLERANCE;
  if (!isUnit(row) || !isUnit(column) || !(Math.abs(dot(row, column)) <= COSINE_TOLERANCE)) return undefined;
  return { position, row, column, normal: unit(cross(row, column)) };
}

/** Whether a pixel spacing could be one: an absent spacing is no lie. */
export function isPixelSpacingPlausible({ pixelSpacing }: SliceFacts): boolean {
  return pixelSpacing === undefined || pixelSpacing.every((mm) => mm >= PIXEL_MIN_MM && mm <= PIXEL_MAX_MM);
}

/** Whether two frames are cut in the same plane and the same way up. */
export function sameOrientation(a: Placement, b: Placement): boolean {
  return (
    length(minus(a.row, b.row)) <= COSINE_TOLERANCE && length(minus(a.column, b.column)) <= COSINE_TOLERANCE
  );
}

/** More across than along: what a localiser is to the slices that were planned on it. */
export function isAcross(a: Placement, b: Placement): boolean {
  return Math.abs(dot(a.normal, b.normal)) < Math.SQRT1_2;
}

/** The plane that the slice is nearest to. */
export function planeOf({ normal }: Placement): 'axial' | 'coronal' | 'sagittal' {
  const [x, y, z] = normal.map(Math.abs) as [number, number, number];
  if (z >= x && z >= y) return 'axial';
  return y >= x ? 'coronal' : 'sagittal';
}

/** Front at the top and the patient's right at the left, as axial slices are read; not so when prone or mirrored. */
export function isUsualView({ row, column }: Placement): boolean {
  return row[0] > Math.SQRT1_2 && column[1] > Math.SQRT1_2;
}

/** mm along the normal. */
export function along(normal: Vector, position: Vector): number {
  return dot(normal, position);
}

/** How far `to` lies beside the normal through `from`, mm. */
export function beside(normal: Vector, from: Vector, to: Vector): number {
  const step = minus(to, from);
  const depth = dot(normal, step);
  return length(step.map((mm, axis) => mm - depth * (normal[axis] ?? 0)) as unknown as Vector);
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function minus(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

function length(a: Vector): number {
  return Math.sqrt(dot(a, a));
}

function unit(a: Vector): Vector {
  const by = length(a);
  return [a[0] / by, a[1] / by, a[2] / by];
}
