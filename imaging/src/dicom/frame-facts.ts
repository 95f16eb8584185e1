import type { DataSet } from 'dicom-parser';
import { decimal, decimals, items, text, texts } from './data-set.ts';
import type { SliceFacts, Vector } from './facts.ts';
import { firstOf, placesOf } from './groups.ts';
import type { Header } from './header.ts';
import { lossyRatioOf } from './lossy.ts';
import { TAGS } from './tags.ts';

/** What the header says of each frame; values as they stand, absent where they are not usable. */
export function factsOf(header: Header): readonly SliceFacts[] {
  const { data, transferSyntax, modality, frames, rows, columns } = header;
  const ofFile = {
    transferSyntax,
    sopClass: text(data, TAGS.sopClass) ?? '',
    modality,
    studyUid: text(data, TAGS.studyUid) ?? '',
    seriesUid: text(data, TAGS.seriesUid) ?? '',
    instanceUid: text(data, TAGS.instanceUid) ?? '',
    frameOfReferenceUid: text(data, TAGS.frameOfReference),
    frames,
    rows,
    columns,
    instanceNumber: decimal(data, TAGS.instanceNumber),
    lossyRatio: lossyRatioOf(header),
  };
  return Array.from({ length: frames }, (_, k) => ({ ...ofFile, ...factsOfFrame(header, k + 1) }));
}

/** The Image Type of a frame, upper case; its third value is AXIAL or LOCALIZER (PS3.3 C.8.2.1.1.1). */
export function imageTypeOf(header: Header, n: number): readonly string[] {
  const types = firstOf(placesOf(header, n, TAGS.ctImageFrameType), (place) => {
    const own = texts(place, TAGS.frameType);
    const values = own.length > 0 ? own : texts(place, TAGS.imageType);
    return values.length > 0 ? values : undefined;
  });
  return types?.map((type) => type.toUpperCase()) ?? [];
}

export function isLocalizer(imageType: readonly string[]): boolean {
  return imageType[2] === 'LOCALIZER';
}

/** mm between the centres of rows, then of columns. */
export function pixelSpacingOf(header: Header, n: number): readonly [number, number] | undefined {
  const spacing = firstOf(placesOf(header, n, TAGS.pixelMeasures), (place) =>
    decimals(place, TAGS.pixelSpacing, 2),
  );
  const [row = 0, column = 0] = spacing ?? [];
  return row > 0 && column > 0 ? [row, column] : undefined;
}

/** Body Part Examined, or the meaning of the anatomic region's code; upper case. */
export function bodyPartOf(header: Header, n: number): string | undefined {
  const places = placesOf(header, n, TAGS.frameAnatomy);
  const part = firstOf(places, (place) => text(place, TAGS.bodyPart)) ?? firstOf(places, regionOf);
  return part?.toUpperCase();
}

function regionOf(place: DataSet): string | undefined {
  const [region] = items(place, TAGS.anatomicRegion);
  return text(region, TAGS.codeMeaning);
}

function factsOfFrame(header: Header, n: number) {
  const at = (macro: number) => placesOf(header, n, macro);
  const imageType = imageTypeOf(header, n);
  return {
    frame: n,
    position: positionOf(header, n),
    orientation: orientationOf(at(TAGS.planeOrientation)),
    pixelSpacing: pixelSpacingOf(header, n),
    sliceThicknessMm: firstOf(at(TAGS.pixelMeasures), (place) => decimal(place, TAGS.sliceThickness)),
    gantryTiltDegrees: firstOf(at(TAGS.ctAcquisitionDetails), (place) => decimal(place, TAGS.gantryTilt)),
    kernel: firstOf(at(TAGS.ctReconstruction), (place) => text(place, TAGS.kernel)),
    bodyPart: bodyPartOf(header, n),
    imageType,
    localizer: isLocalizer(imageType),
  };
}

/** A position that stands for a file of several frames is none of a frame. */
function positionOf(header: Header, n: number): Vector | undefined {
  const places = placesOf(header, n, TAGS.planePosition);
  const found = firstOf(header.frames > 1 ? places.slice(0, -1) : places, (place) =>
    decimals(place, TAGS.position, 3),
  );
  return found === undefined ? undefined : vector(found);
}

function orientationOf(places: readonly DataSet[]): readonly [Vector, Vector] | undefined {
  const found = firstOf(places, (place) => decimals(place, TAGS.orientation, 6));
  return found === undefined ? undefined : [vector(found.slice(0, 3)), vector(found.slice(3))];
}

function vector([x = 0, y = 0, z = 0]: readonly number[]): Vector {
  return [x, y, z];
}
