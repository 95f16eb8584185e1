/**
 * Objects whose pixels often carry a name: told by their header alone. A suspicion, not a finding; nothing here looks
 * at a pixel, and no pixel is changed.
 */

export const BURNED_IN_REASONS = {
  ANNOTATION_SAYS_YES: 'Burned In Annotation (0028,0301) is YES',
  FEATURES_SAY_YES: 'Recognizable Visual Features (0028,0302) is YES',
  SECONDARY_CAPTURE: 'the SOP class is a secondary capture',
  DOCUMENT: 'the SOP class is a document or a report',
  SCREEN_SAVE: 'Image Type (0008,0008) says that a screen was saved',
  IMAGE_TYPE_SECONDARY: 'Image Type (0008,0008) says SECONDARY, and no attribute denies burned-in text',
  MODALITY: 'images of this modality usually carry text',
  DOSE_REPORT: 'the series looks like a dose report or a protocol page',
  OVERLAY_IN_PIXELS: 'an overlay is kept in the unused bits of the pixels',
} as const satisfies Record<string, string>;

export type BurnedInReason = keyof typeof BURNED_IN_REASONS;

/** What is looked at: trimmed text of root attributes, `''` where absent. */
export type Clues = {
  readonly annotation: string;
  readonly features: string;
  readonly sopClass: string;
  readonly imageType: string;
  readonly modality: string;
  readonly seriesDescription: string;
  readonly overlayInPixels: boolean;
};

const SECONDARY_CAPTURE = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.7(\.\d+)?$/;
// Structured reports, and encapsulated PDF, CDA and the like.
const DOCUMENT = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(88|104)\.\d+$/;
const MODALITIES = new Set(['DOC', 'ES', 'GM', 'IVUS', 'OT', 'US', 'XC']);
const DOSE_REPORT = /dose[ _-]*(report|info|summary|record)|patient protocol/i;

export function burnedInReasons(clues: Clues): readonly BurnedInReason[] {
  const types = clues.imageType.toUpperCase().split('\\');
  const says: Readonly<Record<BurnedInReason, boolean>> = {
    ANNOTATION_SAYS_YES: clues.annotation.toUpperCase() === 'YES',
    FEATURES_SAY_YES: clues.features.toUpperCase() === 'YES',
    SECONDARY_CAPTURE: SECONDARY_CAPTURE.test(clues.sopClass),
    DOCUMENT: DOCUMENT.test(clues.sopClass),
    SCREEN_SAVE: types.some((type) => /^SCREEN[ _]?SAVE/.test(type.trim())),
    // Reformatted CT is SECONDARY, too: a NO of the one who made it counts here, and only here.
    IMAGE_TYPE_SECONDARY:
      types.some((type) => type.trim() === 'SECONDARY') && clues.annotation.toUpperCase() !== 'NO',
    MODALITY: MODALITIES.has(clues.modality.toUpperCase()),
    DOSE_REPORT: DOSE_REPORT.test(clues.seriesDescription) || /\bDOSE/.test(clues.imageType.toUpperCase()),
    OVERLAY_IN_PIXELS: clues.overlayInPixels,
  };
  return (Object.keys(says) as BurnedInReason[]).filter((reason) => says[reason]);
}
