import { aSlice, edit, implicit, openSq, sq, text, words } from './edit-dicom.ts';
import type { Elements } from './edit-dicom.ts';

/** What may differ between the frames of the object. */
export type Frame = {
  readonly z: number;
  readonly slope?: number;
  readonly intercept?: number;
  /** Stored values of the 4 × 4 pixels. */
  readonly stored: number;
  readonly type?: string;
};

type Options = {
  readonly encoding?: 'known lengths' | 'delimiters' | 'implicit';
  readonly change?: Elements;
  /** Macros of the shared functional groups, beside the usual ones. */
  readonly shared?: Elements;
  /** Macros of every frame's own functional groups, beside the usual ones. */
  readonly perFrame?: Elements;
};

const ENHANCED_CT = '1.2.840.10008.5.1.4.1.1.2.1';
const gone = undefined;

/**
 * An Enhanced CT object (PS3.3 A.38) of 4 × 4 pixels: spacing, orientation, kernel, anatomy and tilt are shared;
 * position, rescale and frame type are the frame's own. Nothing of it stands in the data set itself.
 */
export function enhancedCt(
  frames: readonly Frame[],
  { encoding = 'known lengths', change, shared, perFrame }: Options = {},
): Uint8Array {
  const group = encoding === 'delimiters' ? openSq : sq;
  const changes = {
    0x0008_0008: text('CS', 'ORIGINAL\\PRIMARY\\VOLUME\\NONE'),
    0x0008_0016: text('UI', `${ENHANCED_CT}\0`),
    0x0018_0015: gone,
    0x0018_0050: gone,
    0x0020_0032: gone,
    0x0020_0037: gone,
    0x0028_0008: text('IS', String(frames.length)),
    0x0028_0030: gone,
    0x0028_1052: gone,
    0x0028_1053: gone,
    0x0028_1054: gone,
    0x5200_9229: group({
      0x0018_9304: group({ 0x0018_1120: { vr: 'DS', value: Buffer.from('12.5') } }),
      0x0018_9314: group({ 0x0018_1210: text('SH', 'B70f') }),
      0x0020_9071: group({
        0x0008_2218: group({
          0x0008_0100: text('SH', '51185008'),
          0x0008_0102: text('SH', 'SCT'),
          0x0008_0104: text('LO', 'Chest'),
        }),
      }),
      0x0020_9116: group({ 0x0020_0037: text('DS', '1\\0\\0\\0\\1\\0') }),
      0x0028_9110: group({ 0x0018_0050: text('DS', '1.25'), 0x0028_0030: text('DS', '0.7\\0.8') }),
      ...shared,
    }),
    0x5200_9230: group(
      ...frames.map(({ z, slope = 1, intercept = 0, type = 'AXIAL' }) => ({
        0x0018_9329: group({ 0x0008_9007: text('CS', `ORIGINAL\\PRIMARY\\${type}\\NONE`) }),
        0x0020_9113: group({ 0x0020_0032: text('DS', `-10\\-20\\${z}`) }),
        0x0028_9145: group({
          0x0028_1052: text('DS', String(intercept)),
          0x0028_1053: text('DS', String(slope)),
          0x0028_1054: text('LO', 'HU'),
        }),
        ...perFrame,
      })),
    ),
    0x7fe0_0010: words(frames.flatMap(({ stored }) => Array.from({ length: 16 }, () => stored))),
    ...change,
  };
  return encoding === 'implicit' ? implicit(changes) : edit(aSlice(), changes);
}
