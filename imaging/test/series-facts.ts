import type { SliceFacts } from '../src/dicom/facts.ts';
import { arrange } from '../src/series/arrange.ts';
import type { Frame, Series } from '../src/series/series.ts';

/** A frame of an ordinary axial chest CT, 1 mm thick; `z` is its position. */
export function aFrame(z: number, over: Partial<SliceFacts> = {}): Frame {
  const facts: SliceFacts = {
    transferSyntax: '1.2.840.10008.1.2.1',
    sopClass: '1.2.840.10008.5.1.4.1.1.2',
    modality: 'CT',
    studyUid: '1.2.3',
    seriesUid: '1.2.3.4',
    instanceUid: `1.2.3.4.${z}`,
    frameOfReferenceUid: '1.2.9',
    frame: 1,
    frames: 1,
    rows: 512,
    columns: 512,
    instanceNumber: 1,
    position: [-200, -180, z],
    orientation: [
      [1, 0, 0],
      [0, 1, 0],
    ],
    pixelSpacing: [0.7, 0.7],
    sliceThicknessMm: 1,
    gantryTiltDegrees: 0,
    kernel: 'B31f',
    bodyPart: 'CHEST',
    imageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    localizer: false,
    lossyRatio: undefined,
    ...over,
  };
  return { source: { name: `${facts.instanceUid}.dcm`, read: neverRead }, facts };
}

/** Frames at each of the positions. */
export function frames(positions: readonly number[], over: Partial<SliceFacts> = {}): readonly Frame[] {
  return positions.map((z) => aFrame(z, over));
}

/** Arranged with every frame showing something else, but those in `alike`. */
export function arranged(given: readonly Frame[], alike: readonly Frame[] = []): Series {
  return arrange(given, (frame) =>
    alike.some(({ source }) => source === frame.source) ? 'alike' : frame.source.name,
  );
}

export function positionsOf({ slices }: Series): readonly (number | undefined)[] {
  return slices.map(({ positionMm }) => positionMm);
}

async function neverRead(): Promise<Uint8Array> {
  throw new Error('arranging reads no file');
}
