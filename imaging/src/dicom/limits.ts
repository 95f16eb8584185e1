import { ImagingError } from '../errors.ts';

const MIB = 1024 * 1024;

/**
 * What one DICOM file may ask for; checked before the memory or the time is spent. Beyond a limit the file is
 * refused as LIMIT_EXCEEDED. See docs/adr/0014-bounded-dicom-structure.md.
 */
export const LIMITS = {
  /** An enhanced CT of 1,000 uncompressed slices of 512 × 512 has 500 MiB. */
  fileBytes: 1024 * MIB,
  /** Part 10 files are deflated whole; the pixels of a slice rarely exceed 32 MiB. */
  inflatedBytes: 128 * MIB,
  /** A CT slice deflates to a third or a half; an empty phantom to a hundredth; deflate itself ends at 1 : 1032. */
  inflationRatio: 200,
  /** Below this size a high ratio harms nobody: small synthetic files reach it. */
  inflationRatioFromBytes: 4 * MIB,
  /** Functional groups need 4 levels, structured reports about 10. */
  sequenceDepth: 16,
  /** An enhanced CT of 4,096 frames has some 600,000 elements and items; each is visited, few are kept. */
  elements: 1_000_000,
  /** The longest text that is read, an Image Type of many values, has some hundred. */
  textBytes: 4096,
  /** A CT perfusion study in one object has some thousand. */
  frames: 4096,
  /** One fragment per frame is usual; some writers cut frames into pieces of a few kB. */
  fragments: 65_536,
  /** Stored values of one frame, 4 bytes each while it is decoded: a square of 4096. */
  samplesPerFrame: 4096 * 4096,
  /** Pixels of all frames of one file, uncompressed. */
  pixelBytes: 4096 * MIB,
  /** Entries of a modality LUT: its descriptor has 16 bits (PS3.3 C.11.1.1.1). */
  lutEntries: 65_536,
  /** JavaScript heap of one decoding thread; pixels lie outside of it. */
  workerHeapMiB: 64,
  /** Memory of one WebAssembly codec; OpenJPEG decodes a frame of 4096 × 4096 within it. */
  codecBytes: 512 * MIB,
} as const;

/** Refuses what exceeds a limit; the text holds numbers only. */
export function checkLimit(name: keyof typeof LIMITS, value: number, what: string): void {
  if (value > LIMITS[name]) {
    throw new ImagingError(
      'LIMIT_EXCEEDED',
      `The file has ${value} ${what}; at most ${LIMITS[name]} are read.`,
    );
  }
}
