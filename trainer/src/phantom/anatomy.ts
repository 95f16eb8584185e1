/**
 * A chest made of ellipses, for one synthetic patient. Lengths in millimetres, x to the patient's left, y to the
 * back, z to the head; Hounsfield units as textbooks give them. It resembles a CT enough to exercise every step from
 * DICOM to a trained model, and proves nothing about real ones.
 */
import { seededRandom } from '../random.ts';

export type PhantomLabel = 'benign' | 'malignant';

export interface Ellipse {
  readonly x: number;
  readonly y: number;
  /** Half axes. */
  readonly a: number;
  readonly b: number;
  /** Turned by this many radians. */
  readonly turn?: number;
  readonly hu: number;
}

/** A ball in a ball, whose outline may be drawn out to spikes. */
export interface Nodule {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly hu: number;
  /** A second ball about the same centre, painted before the nodule where larger, after it where smaller. */
  readonly second: { readonly radius: number; readonly hu: number };
  /** Direction in radians and length as a multiple of the radius; none for a smooth nodule. */
  readonly spicules: readonly { readonly angle: number; readonly reach: number }[];
}

export interface Anatomy {
  /** In painting order, at the height `z`. */
  readonly shapes: (z: number) => readonly Ellipse[];
  /** Centred at z = 0. */
  readonly nodule: Nodule;
}

const FAT = -100;
const MUSCLE = 50;
const BONE = 600;
const BLOOD = 40;
const LUNG = -860;

/** The chest of one patient, other for every seed. */
export function anatomy(label: PhantomLabel, ...seed: readonly (string | number)[]): Anatomy {
  const random = seededRandom('anatomy', label, ...seed);
  const between = (low: number, high: number): number => low + (high - low) * random();
  const body = { x: between(-5, 5), y: between(-4, 4), a: between(150, 168), b: between(104, 118) };
  const lungs = [-1, 1].map((side) => ({
    x: body.x + side * between(72, 80),
    y: body.y + between(-6, 2),
    a: between(48, 56),
    b: between(76, 86),
    turn: side * between(0.05, 0.15),
  }));
  const vessels = lungs.flatMap((lung) => lungVessels(lung, random));
  const ribPhase = random();
  const host = lungs[random() < 0.5 ? 0 : 1] ?? { x: 0, y: 0, a: 0, b: 0 };

  const shapes = (z: number): readonly Ellipse[] => [
    { ...body, hu: FAT },
    { ...body, a: body.a - 14, b: body.b - 14, hu: MUSCLE },
    ...ribs(body, ribPhase + z / 40),
    ...lungs.map((lung) => Object.assign({ hu: LUNG + z / 4 }, lung)),
    ...vessels.map((vessel) => Object.assign({ hu: BLOOD }, vessel, { x: vessel.x + vessel.lean * z })),
    { x: body.x + 8, y: body.y - 22, a: 46, b: 40, turn: 0.5, hu: BLOOD },
    { x: body.x + 14, y: body.y + 36, a: 12, b: 12, hu: BLOOD + 20 },
    { x: body.x, y: body.y + 68, a: 24, b: 20, hu: BONE - 250 },
    { x: body.x, y: body.y + 86, a: 9, b: 8, hu: 20 },
  ];
  const direction = between(0, 2 * Math.PI);
  const offset = between(0, 0.5);
  const place = {
    x: host.x + host.a * offset * Math.cos(direction),
    y: host.y + host.b * offset * Math.sin(direction),
  };
  return { shapes, nodule: { ...place, ...look(label, between) } };
}

/**
 * What a reader looks at: benign nodules are small, smooth and calcified within; malignant ones are larger, with a
 * corona of spicules and a halo of ground glass.
 */
function look(label: PhantomLabel, between: (low: number, high: number) => number): Omit<Nodule, 'x' | 'y'> {
  if (label === 'benign') {
    const radius = between(5, 8);
    return {
      radius,
      hu: between(20, 100),
      second: { radius: radius * between(0.6, 0.75), hu: between(500, 900) },
      spicules: [],
    };
  }
  const radius = between(10, 15);
  const count = Math.round(between(9, 14));
  return {
    radius,
    hu: between(10, 60),
    second: { radius: radius * between(1.3, 1.6), hu: between(-600, -450) },
    spicules: Array.from({ length: count }, (_, index) => ({
      angle: ((index + between(-0.3, 0.3)) * 2 * Math.PI) / count,
      reach: between(1.6, 2.2),
    })),
  };
}

function ribs(body: Pick<Ellipse, 'x' | 'y' | 'a' | 'b'>, phase: number): readonly Ellipse[] {
  const count = 14;
  return Array.from({ length: count }, (_, index) => {
    const angle = ((index + phase) * 2 * Math.PI) / count;
    return {
      x: body.x + (body.a - 23) * Math.cos(angle),
      y: body.y + (body.b - 23) * Math.sin(angle),
      a: 13,
      b: 4.5,
      turn: Math.atan2(body.b * Math.cos(angle), -body.a * Math.sin(angle)),
      hu: BONE,
    };
  });
}

interface Vessel extends Omit<Ellipse, 'hu'> {
  /** Millimetres to the side for each millimetre up. */
  readonly lean: number;
}

/** Vessels cut across or along, thinner towards the pleura. */
function lungVessels(lung: Omit<Ellipse, 'hu'>, random: () => number): readonly Vessel[] {
  return Array.from({ length: 26 }, () => {
    const distance = 0.85 * Math.sqrt(random());
    const angle = 2 * Math.PI * random();
    const thickness = 0.8 + 2.2 * (1 - distance) * random();
    return {
      x: lung.x + lung.a * distance * Math.cos(angle),
      y: lung.y + lung.b * distance * Math.sin(angle),
      a: thickness * (1 + 3 * random() ** 2),
      b: thickness,
      turn: Math.PI * random(),
      lean: random() - 0.5,
    };
  });
}
