import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeImage, type HuImage } from '@hilum/imaging';
import { beforeAll, describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { scanDataset, type Dataset } from '../dataset/scan.ts';
import { splitByPatient } from '../dataset/split.ts';
import { writePhantomStudies } from './studies.ts';

const scratch = scratchDir('phantom');

describe('writePhantomStudies', () => {
  const dir = join(scratch, 'one');
  let dataset: Dataset;
  let slices: readonly HuImage[];

  beforeAll(async () => {
    await writePhantomStudies({ dir, patients: 6, slices: 2, seed: 7 });
    dataset = await scanDataset(dir);
    const images = await Promise.all(
      dataset.images.map(async ({ file }) => decodeImage(await readFile(join(dir, file)))),
    );
    slices = images.filter((image) => image.kind === 'hu');
  });

  it('writes DICOM that this project reads as CT, half of the patients of each label', () => {
    expect(dataset).toMatchObject({ kind: 'hu', labels: ['benign', 'malignant'] });
    expect(slices).toHaveLength(12);
    const patients = (label: string): number =>
      new Set(dataset.images.filter((image) => image.label === label).map((image) => image.patient)).size;
    expect([patients('benign'), patients('malignant')]).toEqual([3, 3]);
    expect(
      splitByPatient(dataset.images, { seed: 7, validationPercent: 20, testPercent: 20 }).test,
    ).toHaveLength(2);
  });

  it('has the Hounsfield units of a chest: lung, soft tissue, and little outside of both', () => {
    for (const { pixels } of slices) {
      const share = (low: number, high: number): number =>
        pixels.filter((hu) => hu >= low && hu < high).length / pixels.length;
      expect(share(-1024, -700)).toBeGreaterThan(0.2);
      expect(share(-50, 150)).toBeGreaterThan(0.005);
      expect(share(1200, 4000)).toBe(0);
    }
  });

  it('draws a calcified core in benign nodules only', () => {
    const dense = Map.groupBy(slices.keys(), (at) => dataset.images[at]?.label);
    const counts = (label: string): readonly number[] =>
      (dense.get(label) ?? []).map((at) => boneInTheMiddle(slices[at]));
    expect(Math.min(...counts('benign'))).toBeGreaterThan(Math.max(...counts('malignant')));
  });

  it('says that it is synthetic, in every file and beside them', async () => {
    for (const { file } of dataset.images) {
      const text = (await readFile(join(dir, file))).toString('latin1');
      expect(text).toContain('SYNTHETIC-7-');
      expect(text).toContain('SYNTHETIC chest phantom, not a patient');
    }
    expect(await readFile(join(dir, 'README.txt'), 'utf8')).toMatch(
      /No scanner and no person[^]*not for diagnosis/,
    );
  });

  it('gives the same bytes for the same seed and others for another', async () => {
    const [again, other] = [join(scratch, 'again'), join(scratch, 'other')];
    await writePhantomStudies({ dir: again, patients: 6, slices: 2, seed: 7 });
    await writePhantomStudies({ dir: other, patients: 6, slices: 2, seed: 8 });
    expect(await bytes(again)).toEqual(await bytes(dir));
    expect(await bytes(other)).not.toEqual(await bytes(dir));
  });
});

/** Pixels of bone in the middle third: ribs are bone as well, but lie further out. */
function boneInTheMiddle(slice: HuImage | undefined): number {
  if (slice === undefined) return Number.NaN;
  const { pixels, rows, columns } = slice;
  const isInner = (at: number): boolean =>
    Math.abs((at % columns) / columns - 0.5) < 1 / 6 &&
    Math.abs(Math.floor(at / columns) / rows - 0.5) < 1 / 6;
  return pixels.filter((hu, at) => hu > 350 && isInner(at)).length;
}

async function bytes(root: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true });
  const dicom = names.filter((name) => name.endsWith('.dcm')).toSorted();
  return Promise.all(dicom.map(async (name) => (await readFile(join(root, name))).toString('base64')));
}
