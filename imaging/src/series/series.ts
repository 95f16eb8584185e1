import type { SliceFacts } from '../dicom/facts.ts';
import { IMAGING_CODES } from '../errors.ts';
import type { ImagingCode } from '../errors.ts';

/** Bytes that can be read more than once: a file, an object in a store. */
export type Source = {
  /** For the caller to find it again; never put into a text of ours, as people name files after patients. */
  readonly name: string;
  readonly read: (signal?: AbortSignal) => Promise<Uint8Array>;
};

/** One frame of one source. */
export type Frame = { readonly source: Source; readonly facts: SliceFacts };

/** A frame in its place. */
export type SliceRef = Frame & {
  /** Along the series' normal, mm; undefined where the header does not say. */
  readonly positionMm: number | undefined;
};

/** What the reader of a result has to know about the series, and the names of the files it is about. */
export type SeriesWarning = {
  readonly code:
    | 'LOCALIZER_DROPPED'
    | 'DUPLICATE_DROPPED'
    | 'SPACING_IRREGULAR'
    | 'SLICES_APART'
    | 'SERIES_TILTED'
    | 'VIEW_UNUSUAL';
  readonly message: string;
  readonly names: readonly string[];
};

export type Series = {
  /** Series Instance UID; '' where a file has none and is therefore a series of its own. */
  readonly uid: string;
  readonly studyUid: string;
  /** Ascending along the normal, row × column: for the usual axial slice from the feet to the head. */
  readonly slices: readonly SliceRef[];
  /** mm between neighbours along the normal, from their positions; undefined for one slice. */
  readonly spacingMm: number | undefined;
  readonly rows: number;
  readonly columns: number;
  /** mm between the centres of rows, then of columns. */
  readonly pixelSpacing: readonly [number, number] | undefined;
  readonly sliceThicknessMm: number | undefined;
  readonly plane: 'axial' | 'coronal' | 'sagittal' | undefined;
  /** Degrees between the stack and its normal; 0 where the gantry stood upright or there is one slice. */
  readonly tiltDegrees: number;
  readonly kernel: string | undefined;
  readonly bodyPart: string | undefined;
  readonly warnings: readonly SeriesWarning[];
  /** Why the series cannot be classified. Its slices are then all there are, in the best order known. */
  readonly refusal?: Refusal;
};

export type Refusal = { readonly code: ImagingCode; readonly text: string };

export function refuse(code: ImagingCode, text: string = IMAGING_CODES[code].text): Refusal {
  return { code, text };
}

/** An order of frames that hangs on nothing but themselves: by instance, frame, name. */
export function canonically(a: Frame, b: Frame): number {
  return (
    compare(a.facts.instanceUid, b.facts.instanceUid) ||
    a.facts.frame - b.facts.frame ||
    compare(a.source.name, b.source.name)
  );
}

/** By code units, the same in every locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** As a position is written for people. */
export function millimetres(mm: number | undefined): string {
  return mm === undefined ? 'an unknown position' : `${Number(mm.toFixed(2))} mm`;
}
