import type { SliceFacts } from '../dicom/facts.ts';
import { codeItem, dcm, oneLine } from './codes.ts';
import { reference } from './content.ts';
import { RESEARCH_ONLY, clock, commonModules, manufacturerOf } from './document.ts';
import type { Stamp } from './document.ts';
import { LUNG, OPACITY, overlayPicture } from './overlay-picture.ts';
import type { OverlayPicture } from './overlay-picture.ts';
import { writePart10 } from './part10.ts';
import type { DataSet } from './part10.ts';
import { readSource } from './source.ts';

/** A heat map over the slice that it explains. */
export type Overlay = OverlayPicture & {
  /** What the slice's header says. */
  readonly facts: SliceFacts;
};

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';
const SERIES_NUMBER = '99002';

/**
 * The overlay as a Secondary Capture Image, RGB, of the slice's own rows and columns, as a Part 10 file. "RESEARCH USE
 * ONLY" is burned in. `source` is any DICOM file of the study: patient and study are copied from its header.
 *
 * Position, orientation, spacing and frame of reference are kept, so that a viewer can lay it beside its slice. Throws
 * ImagingError where `source` is no readable DICOM file or sizes contradict each other, TypeError where slice and
 * source are of two studies. No text holds patient data.
 */
export async function writeOverlayCapture(
  overlay: Overlay,
  source: Uint8Array,
  stamp: Stamp,
): Promise<Uint8Array> {
  const { algorithm, facts, label } = overlay;
  const study = readSource(source);
  if (facts.studyUid !== study.studyUid) throw new TypeError('the slice and the source are of two studies');
  const picture = overlayPicture(overlay);
  const { date, time } = clock(stamp.now, study.offsetMinutes);
  return writePart10({
    SOPClassUID: SECONDARY_CAPTURE,
    ...commonModules(
      study,
      { algorithm, stamp },
      {
        modality: 'OT',
        number: SERIES_NUMBER,
        description: oneLine(`RESEARCH USE ONLY - ${label} - ${algorithm.name} ${algorithm.version}`),
      },
    ),
    ImageType: ['DERIVED', 'SECONDARY'],
    ConversionType: 'WSD',
    DateOfSecondaryCapture: date,
    TimeOfSecondaryCapture: time,
    SecondaryCaptureDeviceManufacturer: manufacturerOf(algorithm),
    SecondaryCaptureDeviceManufacturerModelName: oneLine(algorithm.name).slice(0, 64),
    SecondaryCaptureDeviceSoftwareVersions: oneLine(algorithm.version).slice(0, 64),
    BurnedInAnnotation: 'YES',
    // Laterality is empty where the body part is unknown, absent where it is no paired one (PS3.3 C.7.3.1).
    ...(facts.bodyPart?.includes('CHEST') === true ? { BodyPartExamined: 'CHEST' } : { Laterality: null }),
    PatientOrientation: null,
    ...derivation(overlay),
    ...geometry(facts),
    ...lossy(facts),
    ...study.lossy,
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    Rows: picture.rows,
    Columns: picture.columns,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    PixelData: Uint8Array.from(picture.pixels).buffer,
  });
}

function derivation({ algorithm, facts, label, image, window = LUNG, opacity = OPACITY }: Overlay): DataSet {
  const shown = image.kind === 'hu' ? `window ${window.center}/${window.width} HU` : 'as stored';
  const words = [
    `Grad-CAM of class ${label} by ${algorithm.name} ${algorithm.version} (${algorithm.digest})`,
    `over the slice, ${shown}`,
    `colours ColorBrewer YlOrRd, opacity 0 below 0.2 of the maximum to ${opacity} at the maximum`,
    RESEARCH_ONLY,
  ];
  return {
    DerivationDescription: oneLine(words.join('; ')).slice(0, 1024),
    SourceImageSequence: [
      {
        ...reference(facts),
        PurposeOfReferenceCodeSequence: [
          codeItem(dcm('121322', 'Source image for image processing operation')),
        ],
      },
    ],
    // Common Instance Reference (PS3.3 C.12.2): the slice's series too.
    ReferencedSeriesSequence: [
      {
        SeriesInstanceUID: facts.seriesUid,
        ReferencedInstanceSequence: [reference({ ...facts, frames: 1 })],
      },
    ],
  };
}

/** No module of the Secondary Capture IOD, which may be extended (PS3.4 B.3.1); viewers match slices by it. */
function geometry(facts: SliceFacts): DataSet {
  const { position, orientation, pixelSpacing, frameOfReferenceUid, sliceThicknessMm } = facts;
  return {
    ...(pixelSpacing === undefined ? {} : { PixelSpacing: pixelSpacing.map((mm) => decimal(mm)) }),
    ...(sliceThicknessMm === undefined ? {} : { SliceThickness: decimal(sliceThicknessMm) }),
    ...(position === undefined || orientation === undefined
      ? {}
      : {
          ImagePositionPatient: position.map((mm) => decimal(mm)),
          ImageOrientationPatient: orientation.flat().map((cosine) => decimal(cosine)),
        }),
    ...(frameOfReferenceUid === undefined
      ? {}
      : { FrameOfReferenceUID: frameOfReferenceUid, PositionReferenceIndicator: null }),
  };
}

/** What was lost stays lost in what is made of it; `source` may be another file, and say more. */
function lossy({ lossyRatio }: SliceFacts): DataSet {
  if (lossyRatio === undefined) return {};
  return { LossyImageCompression: '01', LossyImageCompressionRatio: decimal(lossyRatio) };
}

/** DS: at most 16 characters. dcmjs would cut a longer one, exponent and all. */
function decimal(value: number): string {
  for (let digits = 17; digits > 0; digits -= 1) {
    const text = String(Number(value.toPrecision(digits)));
    if (text.length <= 16) return text;
  }
  return '0';
}
