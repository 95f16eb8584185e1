import { join } from 'node:path';
import { writeCtSlice } from '@hilum/imaging';
import { beforeAll, describe, expect, it } from 'vitest';
import { LIDC, NO_DATA } from '../../test/lidc.ts';
import { scratchDir, writeTree } from '../../test/scratch.ts';
import { scanDataset } from '../dataset/scan.ts';
import { splitByPatient } from '../dataset/split.ts';
import { recordSplit } from '../dataset/split-record.ts';
import { seededRandom } from '../random.ts';
import { auditLeakage, type Audit, type AuditOptions, type AuditProgress } from './audit.ts';
import { refuseLeaks } from './refusal.ts';

const dir = scratchDir('audit');

/** 48x48 HU of blobs that the seed places; one in a thousand pairs of seeds is alike by more than 0.9. */
function blobs(seed: number): Float64Array {
  const random = seededRandom('blobs', seed);
  const spots = Array.from({ length: 12 }, () => [
    random() * 48,
    random() * 48,
    random() * 900,
    3 + random() * 4,
  ]);
  return Float64Array.from({ length: 48 * 48 }, (_, at) => {
    let value = -900;
    for (const [x = 0, y = 0, height = 0, width = 1] of spots) {
      const distance = ((at % 48) - x) ** 2 + (Math.floor(at / 48) - y) ** 2;
      value += height * Math.exp(-distance / (2 * width ** 2));
    }
    return value;
  });
}

function slice(hu: Float64Array, patientId = 'SYNTHETIC'): Uint8Array {
  const side = Math.sqrt(hu.length);
  return writeCtSlice({
    rows: side,
    columns: side,
    hu: hu.map(Math.round),
    patientId,
    instance: 1,
    position: [0, 0, 0],
    pixelSpacing: [1, 1],
    sliceThickness: 1,
  });
}

/** 64x64 HU: a square of texture in the middle, nothing around it. */
function crop(seed: number): Float64Array {
  const random = seededRandom('crop', seed);
  return Float64Array.from({ length: 64 * 64 }, (_, at) => {
    const [row, column] = [Math.floor(at / 64), at % 64];
    return Math.max(Math.abs(row - 32), Math.abs(column - 32)) < 10 ? 100 + 200 * random() : -1024;
  });
}

function noisy(hu: Float64Array, strength: number): Float64Array {
  const random = seededRandom('noise', strength);
  return hu.map((value) => value * 0.8 + 40 + (random() - 0.5) * strength);
}

const FILES = {
  'b/p1/1.dcm': slice(blobs(1)),
  'b/p1/2.dcm': slice(blobs(2)),
  'b/p2/1.dcm': slice(blobs(3)),
  'm/p3/1.dcm': slice(blobs(4)),
  'm/p4/1.dcm': slice(blobs(5)),
  'b/p5/copy-of-p1-1.dcm': slice(blobs(1)),
  'b/p5/pixels-of-p1-1.dcm': slice(blobs(1), 'SOMEBODY ELSE'),
  'm/p6/copy-of-p2.dcm': slice(blobs(3)),
  'm/p6/twin-of-p3.dcm': slice(noisy(blobs(4), 60)),
  'b/p7/twin-of-p3.dcm': slice(noisy(blobs(4), 60.5)),
  'm/p6/like-p3.dcm': slice(noisy(blobs(4), 900)),
  'b/p8/crop.dcm': slice(crop(1)),
  'b/p9/crop.dcm': slice(crop(2)),
  'b/p9/twin-of-p8.dcm': slice(noisy(crop(1), 10)),
};

const HONEST = { 'b/p1/1.dcm': 'train', 'b/p1/2.dcm': 'train', 'b/p2/1.dcm': 'test', 'm/p3/1.dcm': 'train' };

beforeAll(() => writeTree(dir, FILES));

/** Audits the images that have a side. */
function audit(sides: AuditOptions['sides'], options: Partial<AuditOptions> = {}): Promise<Audit> {
  const images = Object.keys(sides).map((file) => {
    const [label = '', patient = ''] = file.split('/');
    return { file, label, patient };
  });
  return auditLeakage({ dir, images, sides, ...options });
}

/** What was found, in short. */
function brief({ findings }: Audit): readonly string[] {
  return findings.map(({ kind, severity, a, b }) => `${severity} ${kind} ${a.file} ${b.file}`);
}

describe('auditLeakage', () => {
  it('passes a split on which nothing is on two sides', async () => {
    const found = await audit(HONEST);
    expect(found).toMatchObject({
      passed: true,
      findings: [],
      counts: { images: 4, leftOut: 0, sides: { train: 3, test: 1 } },
    });
    expect(() => refuseLeaks(found)).not.toThrow();
  });

  it('fails a group on two sides', async () => {
    const found = await audit({ ...HONEST, 'b/p1/2.dcm': 'test' });
    expect(found.passed).toBe(false);
    expect(brief(found)).toEqual(['failure group-on-two-sides b/p1/1.dcm b/p1/2.dcm']);
    expect(found.findings[0]).toMatchObject({ a: { side: 'train', group: 'p1' }, b: { side: 'test' } });
  });

  it('fails equal files across sides, and files that differ only in what they do not show', async () => {
    const copies = { 'b/p5/copy-of-p1-1.dcm': 'test', 'b/p5/pixels-of-p1-1.dcm': 'test' };
    const found = await audit({ ...HONEST, ...copies });
    expect(found.findings).toMatchObject([
      { kind: 'exact-duplicate', severity: 'failure', same: 'bytes', b: { file: 'b/p5/copy-of-p1-1.dcm' } },
      {
        kind: 'exact-duplicate',
        severity: 'failure',
        same: 'pixels',
        b: { file: 'b/p5/pixels-of-p1-1.dcm' },
      },
    ]);
    expect(found.counts.exactAcross).toBe(2);
  });

  it('only warns of copies on one side', async () => {
    const found = await audit({ ...HONEST, 'b/p5/copy-of-p1-1.dcm': 'train' });
    expect(found.passed).toBe(true);
    expect(brief(found)).toEqual(['warning exact-duplicate b/p1/1.dcm b/p5/copy-of-p1-1.dcm']);
  });

  it('fails a picture with two labels, on whatever side', async () => {
    const found = await audit({ ...HONEST, 'm/p6/copy-of-p2.dcm': 'test' });
    expect(found.passed).toBe(false);
    expect(brief(found)).toEqual([
      'failure label-conflict b/p2/1.dcm m/p6/copy-of-p2.dcm',
      'warning exact-duplicate b/p2/1.dcm m/p6/copy-of-p2.dcm',
    ]);
  });

  it('fails a twin across sides, with other brightness, contrast and noise', async () => {
    const found = await audit({ ...HONEST, 'm/p6/twin-of-p3.dcm': 'test' });
    expect(brief(found)).toEqual(['failure near-duplicate m/p3/1.dcm m/p6/twin-of-p3.dcm']);
    expect(found.findings[0]?.similarity).toBeGreaterThan(0.98);
  });

  it('warns of a twin on one side, of one with another label too, and of none in its own group', async () => {
    const twins = { 'm/p3/1.dcm': 'train', 'm/p6/twin-of-p3.dcm': 'train', 'b/p7/twin-of-p3.dcm': 'train' };
    const found = await audit(twins);
    expect(found.passed).toBe(true);
    expect(found.counts).toMatchObject({ nearWithin: 3, nearLabelConflicts: 2, nearInGroup: 0 });
    const images = Object.keys(twins).map((file) => ({ file, label: 'm', patient: 'one' }));
    const ofOne = await audit(twins, { images });
    expect(ofOne).toMatchObject({ findings: [], counts: { nearWithin: 0, nearInGroup: 3 } });
  });

  it('takes pictures that are merely similar for two', async () => {
    expect(await audit({ 'm/p3/1.dcm': 'train', 'm/p6/like-p3.dcm': 'test' })).toMatchObject({
      findings: [],
    });
  });

  it('does not take crops for twins by the black around them', async () => {
    expect(brief(await audit({ 'b/p8/crop.dcm': 'train', 'b/p9/crop.dcm': 'test' }))).toEqual([]);
    expect(brief(await audit({ 'b/p8/crop.dcm': 'train', 'b/p9/twin-of-p8.dcm': 'test' }))).toEqual([
      'failure near-duplicate b/p8/crop.dcm b/p9/twin-of-p8.dcm',
    ]);
  });

  it('counts images that are on no side and does not read them', async () => {
    const images = [
      { file: 'b/p1/1.dcm', label: 'b', patient: 'p1' },
      { file: 'not/there.dcm', label: 'b', patient: 'p0' },
    ];
    expect(await audit({ 'b/p1/1.dcm': 'train' }, { images })).toMatchObject({
      counts: { images: 1, leftOut: 1 },
    });
  });

  it('lists no more than it is told to, failures first, and counts all', async () => {
    const sides = { ...HONEST, 'b/p5/copy-of-p1-1.dcm': 'train', 'b/p5/pixels-of-p1-1.dcm': 'test' };
    const found = await audit(sides, { limit: 1 });
    expect(brief(found)).toEqual([
      'failure group-on-two-sides b/p5/copy-of-p1-1.dcm b/p5/pixels-of-p1-1.dcm',
    ]);
    expect(found.counts).toMatchObject({ groupsOnTwoSides: 1, exactAcross: 1, exactWithin: 1 });
  });

  it('tells how far it is', async () => {
    const seen: AuditProgress[] = [];
    await audit(HONEST, { onProgress: (progress) => seen.push(progress) });
    expect(seen.findLast(({ stage }) => stage === 'read')).toMatchObject({ images: 4, totalImages: 4 });
    expect(seen.at(-1)).toEqual({ stage: 'compare', images: 4, totalImages: 4 });
  });

  it('ends with the reason of its signal, also while it compares', async () => {
    const reason = new Error('enough');
    await expect(audit(HONEST, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const later = new AbortController();
    const onProgress = ({ stage }: AuditProgress): void => {
      if (stage === 'read') later.abort(reason);
    };
    await expect(audit(HONEST, { signal: later.signal, onProgress })).rejects.toBe(reason);
  });

  it('decodes no image twice, and comes to the same end', async () => {
    const cacheDir = join(scratchDir('prints'), 'cache');
    const sides = { ...HONEST, 'b/p5/pixels-of-p1-1.dcm': 'test', 'm/p6/twin-of-p3.dcm': 'test' };
    const [cold, warm] = [await audit(sides, { cacheDir }), await audit(sides, { cacheDir })];
    expect(cold.decoded).toBe(6);
    expect(warm).toEqual({ ...cold, decoded: 0 });
  });

  it('names the file that cannot be read', async () => {
    await writeTree(dir, { 'broken/cut.dcm': slice(blobs(1)).subarray(0, 700) });
    for (const file of ['broken/cut.dcm', 'broken/none.dcm']) {
      await expect(audit({ [file]: 'train' })).rejects.toMatchObject({
        code: 'UNREADABLE_IMAGE',
        message: expect.stringContaining(file) as string,
      });
    }
  });
});

describe('refuseLeaks', () => {
  it('refuses with the pairs and their number', async () => {
    const found = await audit({ ...HONEST, 'b/p1/2.dcm': 'test', 'b/p5/copy-of-p1-1.dcm': 'test' });
    expect(() => refuseLeaks(found)).toThrow(
      expect.objectContaining({
        code: 'SPLIT_LEAKS',
        exitCode: 65,
        message:
          'the split leaks: 1 group on two sides, 1 equal pair across sides ' +
          '(remove one of a pair, or put both into one group: hilum audit --regroup): ' +
          'b/p1/1.dcm (train) and b/p1/2.dcm (test) are of one group; ' +
          'b/p1/1.dcm (train) and b/p5/copy-of-p1-1.dcm (test) are equal',
      }) as Error,
    );
  });

  it('names ten pairs and says how many more there are', async () => {
    const sides = Object.fromEntries(Object.keys(HONEST).map((file) => [file, 'train']));
    const [first] = (await audit({ ...HONEST, 'b/p1/2.dcm': 'test' })).findings;
    const found = await audit(sides);
    const many = {
      ...found,
      passed: false,
      findings: Array.from({ length: 12 }, () => first).filter((finding) => finding !== undefined),
      counts: { ...found.counts, groupsOnTwoSides: 40 },
    };
    expect(() => refuseLeaks(many)).toThrow(/^the split leaks: 40 groups on two sides .*; and 30 more$/);
  });
});

describe.skipIf(NO_DATA !== undefined)(`on the real nodules ${NO_DATA ?? ''}`, () => {
  it('finds no picture of an exam in another exam, and twins only among the slices of one nodule', async () => {
    const { images } = await scanDataset(LIDC);
    const patients = splitByPatient(images, { seed: 7, validationPercent: 20, testPercent: 20 });
    const fractions = { train: 0.6, validation: 0.2, test: 0.2 };
    const { sides } = recordSplit({ seed: 7, images, patients: { ...patients }, fractions });
    expect(await auditLeakage({ dir: LIDC, images, sides })).toMatchObject({
      passed: true,
      findings: [],
      counts: { images: 2030, exactWithin: 0, nearInGroup: 5, nearWithin: 0 },
    });
  });

  it('sees the twins that a split by slice would hide', async () => {
    const { images } = await scanDataset(LIDC);
    // Slices in turn, as a split that knows no patients deals them.
    const sides = Object.fromEntries(images.map(({ file }, at) => [file, at % 2 === 0 ? 'train' : 'test']));
    const found = await auditLeakage({ dir: LIDC, images, sides });
    expect(found.passed).toBe(false);
    expect(found.counts.groupsOnTwoSides).toBeGreaterThan(390);
    expect(found.counts.nearAcross + found.counts.nearInGroup).toBe(5);
    expect(found.counts.nearAcross).toBeGreaterThan(0);
  });
});
