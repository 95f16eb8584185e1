/** What `hilum inspect --json` prints of one file. */
import type { Series } from '@hilum/imaging';

export interface Refusal {
  readonly code: string;
  readonly text: string;
}

/** One file, as `--json` prints it: what is absent is not known, or has no meaning for this kind of file. */
export interface Inspected {
  /** As it was named, or the path below the folder that was. */
  readonly file: string;
  /** UID; absent for pictures. */
  readonly transferSyntax?: string;
  readonly format?: 'dicom' | 'png' | 'jpeg';
  readonly modality?: string;
  readonly rows?: number;
  readonly columns?: number;
  readonly frames?: number;
  /** Least and greatest HU of all frames, not clipped, padding left out. */
  readonly huRange?: readonly [number, number];
  /** SHA-256 of the stored values of all frames as little-endian int32. */
  readonly storedSha256?: string;
  /** How many times smaller a lossy compression made the pixels. */
  readonly lossyRatio?: number;
  /** Share of the body that is lung, 0 to 1; of several frames, the largest. */
  readonly lungFraction?: number;
  readonly series?: InSeries;
  /** Why this file cannot be classified. */
  readonly refusal?: Refusal;
}

/** The series that a file is part of, and its place there. */
interface InSeries {
  readonly uid: string;
  /** Place of the file's first slice by position, from 1, and how many there are; absent for a copy that was dropped. */
  readonly slice?: number;
  readonly slices: number;
  readonly positionMm?: number;
  /** From the positions, not from the thickness. */
  readonly spacingMm?: number;
  readonly sliceThicknessMm?: number;
  /** Between rows, then between columns. */
  readonly pixelSpacingMm?: readonly [number, number];
  readonly plane?: string;
  readonly tiltDegrees?: number;
  readonly kernel?: string;
  readonly bodyPart?: string;
  readonly warnings: readonly string[];
  /** Why the series as a whole cannot be classified. */
  readonly refusal?: Refusal;
}

/** A file's facts with those of its series, and the refusal last, as a person reads them. */
export function withSeries(file: Inspected, series: Series): Inspected {
  const at = series.slices.findIndex(({ source }) => source.name === file.file);
  const position = series.slices[at]?.positionMm;
  const known = {
    slice: at < 0 ? undefined : at + 1,
    positionMm: position === undefined ? undefined : round(position, 3),
    spacingMm: series.spacingMm === undefined ? undefined : round(series.spacingMm, 3),
    sliceThicknessMm: series.sliceThicknessMm,
    pixelSpacingMm: series.pixelSpacing,
    plane: series.plane,
    tiltDegrees: series.tiltDegrees === 0 ? undefined : round(series.tiltDegrees, 1),
    kernel: series.kernel,
    bodyPart: series.bodyPart,
    refusal: series.refusal,
  };
  const warnings = series.warnings
    .filter(({ names }) => names.length === 0 || names.includes(file.file))
    .map(({ code }) => code);
  const place: InSeries = {
    uid: series.uid,
    slices: series.slices.length,
    ...(Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)) as typeof known),
    warnings,
  };
  const { refusal, ...facts } = file;
  return { ...facts, series: place, ...(refusal === undefined ? {} : { refusal }) };
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
