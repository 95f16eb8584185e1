/** Whether a split is honest: what lies on two of its sides, and what has two labels. */
import type { DatasetImage } from '../dataset/scan.ts';
import { Findings, type Finding, type FindingCounts, type Place } from './findings.ts';
import { readPrints, type Prints } from './fingerprint.ts';
import { DIMENSIONS, signaturesOf } from './signature.ts';
import { similarity } from './similarity.ts';
import { SignatureTree } from './tree.ts';

/** Above this correlation two pictures are one. Copies and re-encodings have 0.995 and more (docs/audit.md). */
const SIMILAR = 0.98;

export interface AuditOptions {
  readonly dir: string;
  readonly images: readonly Pick<DatasetImage, 'file' | 'label' | 'patient'>[];
  /** Image → its side: of a split's record, or the folds of a cross-validation. One without a side is left out. */
  readonly sides: Readonly<Record<string, string>>;
  /** What tells images apart is kept here by the digest of their file, so that none is decoded twice. */
  readonly cacheDir?: string | undefined;
  /** How many findings are listed, failures first; all are counted. */
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: AuditProgress) => void) | undefined;
  /** Is told of every pair of equal and nearly equal images, on whatever side and however many. */
  readonly onAlike?: (a: Place, b: Place) => void;
}

export interface AuditProgress {
  readonly stage: 'read' | 'compare';
  readonly images: number;
  readonly totalImages: number;
}

export interface Audit {
  /** No finding is a failure. */
  readonly passed: boolean;
  /** Failures first, then by the order of the images; `counts` has what is not listed. */
  readonly findings: readonly Finding[];
  readonly counts: AuditCounts;
  readonly method: typeof METHOD;
  /** Images that were decoded; the others were known. */
  readonly decoded: number;
}

export interface AuditCounts extends FindingCounts {
  readonly images: number;
  /** Images that are on no side. */
  readonly leftOut: number;
  /** Images by side. */
  readonly sides: Readonly<Record<string, number>>;
  /** Pairs that were compared pixel by pixel. */
  readonly compared: number;
}

const METHOD = {
  version: 1,
  exact: 'sha256 of the decoded pixels',
  near: 'Pearson correlation at 64x64, of crops on black over what is not black too; found by 256 Haar coefficients',
  threshold: SIMILAR,
} as const;

/**
 * Reads every image once and compares those that can be alike. Holds 5 kB for each image, never more than a few decoded.
 *
 * Copies are counted as links: of n equal images each is paired with the first of its kind, n - 1 pairs in all.
 *
 * @throws TrainerError UNREADABLE_IMAGE; the reason of `signal`
 */
export async function auditLeakage(options: AuditOptions): Promise<Audit> {
  const { images, sides, signal } = options;
  const places = images.flatMap((image) => {
    const side = Object.hasOwn(sides, image.file) ? sides[image.file] : undefined;
    const { file, label, patient } = image;
    return side === undefined ? [] : [{ file, label, group: patient, side }];
  });
  const findings = new Findings(places, options.limit, options.onAlike);
  findGroups(findings);
  const prints = await readPrints(options.dir, places, {
    cacheDir: options.cacheDir,
    signal,
    onImage: (done) => options.onProgress?.({ stage: 'read', images: done, totalImages: places.length }),
  });
  const distinct = findCopies(prints, findings);
  const compared = await findTwins(prints, distinct, findings, options);
  const counts = {
    images: places.length,
    leftOut: images.length - places.length,
    sides: Object.fromEntries(
      [...Map.groupBy(places, ({ side }) => side)].map(([side, all]) => [side, all.length]),
    ),
    compared,
    ...findings.counts,
  };
  return {
    passed: findings.failures === 0,
    findings: findings.listed(),
    counts,
    method: METHOD,
    decoded: prints.decoded,
  };
}

/** The first image of a group on one side, paired with its first on every other. */
function findGroups(findings: Findings): void {
  const firsts = new Map<string, Map<string, number>>();
  for (const [index, { group, side }] of findings.places.entries()) {
    const bySide = firsts.get(group) ?? new Map<string, number>();
    if (!bySide.has(side)) bySide.set(side, index);
    firsts.set(group, bySide);
  }
  for (const bySide of firsts.values()) {
    const [first = 0, ...others] = bySide.values();
    for (const other of others) findings.addGroup(first, other);
  }
}

/** Finds equal images; gives those to compare further: of equal ones the first of every side, label and group. */
function findCopies({ bytes, pixels }: Prints, findings: Findings): readonly number[] {
  const seen = new Map<string, number>();
  const distinct = new Map<string, number>();
  for (const [index, { side, label, group }] of findings.places.entries()) {
    const pixelDigest = pixels[index] ?? '';
    const key = JSON.stringify([pixelDigest, side, label, group]);
    if (!distinct.has(key)) distinct.set(key, index);
    const first = seen.get(pixelDigest);
    if (first === undefined) seen.set(pixelDigest, index);
    else findings.addCopy(first, index, bytes[first] === bytes[index] ? 'bytes' : 'pixels');
  }
  return [...distinct.values()];
}

// Some 50 ms of work: no signal is waited for much longer.
const AT_ONCE = 64;

async function findTwins(
  { thumbs, pixels }: Prints,
  distinct: readonly number[],
  findings: Findings,
  { signal, onProgress }: AuditOptions,
): Promise<number> {
  const thumb = (row: number): Uint8Array => thumbs.of(distinct[row] ?? 0);
  const { values, rows } = await signaturesOf(distinct.length, thumb, () => breath(signal));
  // For vectors of mean 0 and length 1, |a - b|^2 = 2 - 2r; some of their coordinates are never further apart.
  const tree = new SignatureTree(values, DIMENSIONS, rows, 2 - 2 * SIMILAR);
  let compared = 0;
  for (const [done, row] of rows.entries()) {
    if (done % AT_ONCE === 0) {
      await breath(signal);
      onProgress?.({ stage: 'compare', images: done, totalImages: rows.length });
    }
    const index = distinct[row] ?? 0;
    for (const other of tree.earlierNear(row)) {
      const earlier = distinct[other] ?? 0;
      if (pixels[earlier] === pixels[index]) continue;
      compared += 1;
      const r = similarity(thumb(other), thumb(row), SIMILAR);
      if (r > SIMILAR) findings.addTwin(earlier, index, r);
    }
  }
  onProgress?.({ stage: 'compare', images: rows.length, totalImages: rows.length });
  return compared;
}

/** Lets other work and signals in. */
async function breath(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  signal?.throwIfAborted();
}
