/** Millimetres in the patient's coordinates: x to the left, y to the back, z to the head (PS3.3 C.7.6.2.1.1). */
export type Vector = readonly [number, number, number];

/** What the header says of one frame. Holds no attribute that names a patient, a person or an institution. */
export type SliceFacts = {
  /** The UID. */
  readonly transferSyntax: string;
  readonly sopClass: string;
  /** Modality (0008,0060), upper case; '' when absent. */
  readonly modality: string;
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly instanceUid: string;
  readonly frameOfReferenceUid: string | undefined;
  /** Counts the frames of one file, from 1. */
  readonly frame: number;
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
  readonly instanceNumber: number | undefined;
  /** Centre of the first pixel, mm. */
  readonly position: Vector | undefined;
  /** Direction cosines: along a row (to the next column), then down a column (to the next row). */
  readonly orientation: readonly [Vector, Vector] | undefined;
  /** mm between the centres of rows, then of columns. */
  readonly pixelSpacing: readonly [number, number] | undefined;
  readonly sliceThicknessMm: number | undefined;
  readonly gantryTiltDegrees: number | undefined;
  /** Convolution Kernel (0018,1210). */
  readonly kernel: string | undefined;
  /** Body Part Examined (0018,0015), or the anatomic region of an enhanced object; upper case. */
  readonly bodyPart: string | undefined;
  /** Image Type (0008,0008) or the frame's own (0008,9007). */
  readonly imageType: readonly string[];
  readonly localizer: boolean;
  /** Bytes that the pixels would take uncompressed, over the bytes they take; undefined where nothing was lost. */
  readonly lossyRatio: number | undefined;
};
