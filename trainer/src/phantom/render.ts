/** One slice of a synthetic chest, in Hounsfield units. Pure. */
import { seededRandom } from '../random.ts';
import type { Anatomy, Ellipse, Nodule } from './anatomy.ts';

export interface SliceGrid {
  /** Rows and columns of the square matrix. */
  readonly size: number;
  /** Millimetres from pixel to pixel. */
  readonly spacing: number;
  /** Millimetres, of the middle of the matrix. */
  readonly x: number;
  readonly y: number;
}

const AIR = -1000;
/** Standard deviation of the quantum noise of a low-dose protocol, HU. */
const NOISE = 22;
/** A scanner blurs edges over about this many millimetres. */
const EDGE_MM = 1.5;

/** @returns `size * size` rounded HU, row by row, the patient seen from the feet as in every CT viewer */
export function renderSlice(
  chest: Anatomy,
  z: number,
  grid: SliceGrid,
  ...seed: readonly (string | number)[]
): Float32Array {
  const image = new Float32Array(grid.size * grid.size).fill(AIR);
  for (const shape of chest.shapes(z)) paintEllipse(image, grid, shape);
  const { nodule } = chest;
  if (nodule.second.radius > nodule.radius) paintBall(image, grid, nodule, nodule.second, z);
  paintNodule(image, grid, nodule, z);
  if (nodule.second.radius < nodule.radius) paintBall(image, grid, nodule, nodule.second, z);
  const normal = normalNumbers(seededRandom('noise', z, ...seed));
  return image.map((hu) => Math.max(-1024, Math.round(hu + NOISE * normal())));
}

function paintEllipse(image: Float32Array, grid: SliceGrid, ellipse: Ellipse): void {
  const [cos, sin] = [Math.cos(ellipse.turn ?? 0), Math.sin(ellipse.turn ?? 0)];
  const narrow = Math.min(ellipse.a, ellipse.b);
  paint(image, grid, ellipse, Math.max(ellipse.a, ellipse.b) + EDGE_MM, ellipse.hu, (dx, dy) => {
    const u = (dx * cos + dy * sin) / ellipse.a;
    const v = (dy * cos - dx * sin) / ellipse.b;
    return (1 - Math.hypot(u, v)) * narrow;
  });
}

function paintBall(
  image: Float32Array,
  grid: SliceGrid,
  centre: Pick<Nodule, 'x' | 'y'>,
  ball: { readonly radius: number; readonly hu: number },
  z: number,
): void {
  const radius = radiusAt(ball.radius, z);
  paint(image, grid, centre, radius + EDGE_MM, ball.hu, (dx, dy) => radius - Math.hypot(dx, dy));
}

/** Of the circle that a plane at the height `z` cuts out of a ball; 0 above and below it. */
function radiusAt(radius: number, z: number): number {
  return Math.sqrt(Math.max(0, radius ** 2 - z ** 2));
}

function paintNodule(image: Float32Array, grid: SliceGrid, nodule: Nodule, z: number): void {
  const radius = radiusAt(nodule.radius, z);
  paint(image, grid, nodule, radius * 2.3 + EDGE_MM, nodule.hu, (dx, dy) => {
    const distance = Math.hypot(dx, dy);
    const angle = Math.atan2(dy, dx);
    let depth = radius - distance;
    for (const { angle: direction, reach } of nodule.spicules) {
      // A spike: as thick as a vessel at its root, a point at its end.
      const along = distance * Math.cos(angle - direction);
      const aside = Math.abs(distance * Math.sin(angle - direction));
      if (along > 0) depth = Math.max(depth, 1.8 * (1 - along / (radius * reach)) - aside);
    }
    return depth;
  });
}

/** Blends `hu` in where `depth` (millimetres inside the outline) is positive, softly at the edge. */
function paint(
  image: Float32Array,
  { size, spacing, x, y }: SliceGrid,
  centre: { readonly x: number; readonly y: number },
  extent: number,
  hu: number,
  depth: (dx: number, dy: number) => number,
): void {
  const middle = (size - 1) / 2;
  const [right, down] = [centre.x - x, centre.y - y];
  const first = (mm: number): number => Math.max(0, Math.floor((mm - extent) / spacing + middle));
  const last = (mm: number): number => Math.min(size - 1, Math.ceil((mm + extent) / spacing + middle));
  for (let row = first(down); row <= last(down); row += 1) {
    for (let column = first(right); column <= last(right); column += 1) {
      const inside = depth((column - middle) * spacing - right, (row - middle) * spacing - down);
      const part = Math.max(0, Math.min(1, inside / EDGE_MM + 0.5));
      const at = row * size + column;
      image[at] = (image[at] ?? AIR) * (1 - part) + hu * part;
    }
  }
}

/** Box-Muller. */
function normalNumbers(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
