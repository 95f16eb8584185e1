/** A small study set of synthetic chest CTs on disk, as DICOM. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeCtSlice } from '@hilum/imaging';
import { seededRandom } from '../random.ts';
import { anatomy, type PhantomLabel } from './anatomy.ts';
import { renderSlice } from './render.ts';

export interface PhantomOptions {
  /** Made if absent; files of the same names are written anew. */
  readonly dir: string;
  /** In all, every other one malignant. */
  readonly patients: number;
  /** CT slices of each patient, all of them through the nodule. */
  readonly slices: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/**
 * A targeted reconstruction, as radiologists order of one nodule: 77 mm about it. In a whole chest the nodule would
 * be a few pixels of the network's input, and twenty patients would not teach it to look there.
 */
const GRID = { size: 256, spacing: 0.3 };
/** The nodule lies at most this far from the middle, in millimetres. */
const OFF_CENTRE = 6;
/** Slices lie within this part of the nodule's radius, so that each shows it. */
const COVERED = 0.6;

const README = `SYNTHETIC chest CT, made by Hilum's phantom generator. No scanner and no person was involved.

<label>/<patient>/<slice>.dcm: DICOM CT Image Storage in Hounsfield units. The label follows from the drawn nodule:
benign is small, smooth and calcified, malignant is large and spiculated in ground glass. A model that tells the two apart has learnt a drawing,
not a disease: use it to see that software runs, and for nothing else. Research use only, not for diagnosis.
`;

/** Writes `<label>/<patient>/<slice>.dcm` and a README; the same options give the same bytes. */
export async function writePhantomStudies(options: PhantomOptions): Promise<void> {
  for (let index = 0; index < options.patients; index += 1) {
    options.signal?.throwIfAborted();
    await writePatient(index % 2 === 0 ? 'benign' : 'malignant', index + 1, options);
  }
  await writeFile(join(options.dir, 'README.txt'), README);
}

async function writePatient(label: PhantomLabel, number: number, options: PhantomOptions): Promise<void> {
  const { slices, seed, signal } = options;
  const patientId = `SYNTHETIC-${seed}-${String(number).padStart(3, '0')}`;
  const folder = join(options.dir, label, patientId);
  await mkdir(folder, { recursive: true });
  const chest = anatomy(label, seed, number);
  const step = (2 * COVERED * chest.nodule.radius) / slices;
  const random = seededRandom('field of view', seed, number);
  const [x, y] = [chest.nodule.x, chest.nodule.y].map((mm) => mm + OFF_CENTRE * (2 * random() - 1)) as [
    number,
    number,
  ];
  for (let instance = 1; instance <= slices; instance += 1) {
    signal?.throwIfAborted();
    const z = (instance - (slices + 1) / 2) * step;
    const bytes = writeCtSlice({
      rows: GRID.size,
      columns: GRID.size,
      hu: renderSlice(chest, z, { ...GRID, x, y }, seed, number),
      patientId,
      instance,
      position: [corner(x), corner(y), Number(z.toFixed(3))],
      pixelSpacing: [GRID.spacing, GRID.spacing],
      sliceThickness: Number(step.toFixed(3)),
      seriesDescription: 'SYNTHETIC chest phantom, not a patient',
    });
    await writeFile(join(folder, `${String(instance).padStart(3, '0')}.dcm`), bytes);
  }
}

/** Coordinate of the first pixel, where the middle of the matrix is known. */
function corner(middle: number): number {
  return Number((middle - ((GRID.size - 1) / 2) * GRID.spacing).toFixed(3));
}
