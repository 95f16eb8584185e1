import { HU_MAX, HU_MIN } from '../image.ts';
import type { HuImage } from '../image.ts';
import { closeMask } from './closing.ts';
import { components } from './components.ts';
import type { Box, Components } from './components.ts';

export type LungMask = {
  /** `rows * columns`, 1 where the lungs are, row by row. */
  readonly mask: Uint8Array;
  /** Pixels of the mask over those of the body with all that it encloses; 0..1. */
  readonly fraction: number;
  /** About the mask; absent where no lung is seen. */
  readonly box?: Box;
};

/*
 * Every number here is part of the contract's version: tensors cropped to the lungs follow from them.
 */
// Between lung and soft tissue; customary thresholds lie between -320 and -400 HU (Hu, Hoffman, Reinhardt 2001 choose
// one by iteration for each scan; a fixed one gives the same mask everywhere).
const AIR_BELOW = -320;
// Air in the trachea, the bowel or a sinus measures about -1000, and so does the air around a patient. Lung is full of
// vessels: a pixel below -950 is called emphysema, and the bound leaves room for a lung of which half is. The upper
// bound leaves out stool, and cells of the mastoid. The medians of the real slices at hand lie between -893 and -828.
const LUNG_MEDIAN = { low: -960, high: -500 };
// Foam of a table or mattress, -950 to -900, is as light as lung. Where the air around a patient is in view, which is
// this share of the slice, what lies at the edge is no lung; else it may be one, cut off by a small field of view.
const OUTSIDE_MIN = 0.05;
const EDGE_LOW = -930;
// The rim of a pocket of air is a mix with its wall and looks like lung; the median is that of what lies further in.
const CORE_MM = 2;
// More than 2 mm of a usual chest CT: a head's pixels are smaller, and a sinus shall not pass for lung.
const CORE_PIXELS = 5;
// A lung's apex soon after it comes in sight; a main bronchus takes 150 mm².
const PART_MIN_MM2 = 250;
// The same where the spacing is unknown and a body takes 50,000 mm².
const PART_MIN_OF_BODY = 0.005;
// Less is a glimpse of the apex or of the base, and what a slice of another region may hold by mischance.
const LUNGS_MIN_OF_BODY = 0.02;
// Lungs lie in a body: of what is taken for it, this much is tissue, from -320 HU upwards. A whole chest is half tissue;
// squares of 60 mm cut out of the lungs of the real series hold 1.2 % and more, their vessels; air or foam alone has none.
const TISSUE_MIN_OF_BODY = 0.01;
// Vessels and small nodules at the pleura belong to the lung: notches up to twice this wide are closed.
const CLOSING_MM = 5;
// 5 mm at the 0.7 mm of a usual chest CT.
const CLOSING_PIXELS = 7;
const RADIUS_MAX = 40;
const LUNGS = 2;

/**
 * Where the lungs are in one axial slice: air (below -320 HU) within the body; of its connected parts (by edges) at most
 * the two largest whose size and density are a lung's; closed by a disc of 5 mm (7 pixels where the spacing is unknown).
 * None where all that takes less than 2 % of the body, or tissue (from -320 HU upwards) less than 1 % of it.
 *
 * Parts at the edge of the slice are outside the patient, the table with its foam among them, where air as thin as that
 * around a patient takes 5 % of the slice there. Else the field of view lies within the chest, as in a reconstruction of
 * one nodule, and a part at the edge counts as lung from -930 HU upwards.
 *
 * Not seen, so absent: lung that is consolidated as a whole, and a lung that reaches the edge beside air from outside.
 * Pure; 2 to 3 ms for 512².
 */
export function lungMask(image: HuImage): LungMask {
  const { rows, columns, pixels } = image;
  const air = new Uint8Array(rows * columns);
  for (let at = 0; at < air.length; at += 1) air[at] = (pixels[at] ?? 0) < AIR_BELOW ? 1 : 0;
  const pockets = components(air, rows, columns);
  const outside = outsideOf(image, pockets);
  const body = bodyOf(pockets, outside, image);
  const lungs = lungsOf(image, pockets, outside, body);
  const none = { mask: new Uint8Array(air.length), fraction: 0 };
  if (lungs.length === 0 || tissueOf(body, air) < TISSUE_MIN_OF_BODY * body.area) return none;
  const box = around(lungs.map(pockets.box));
  const open = painted(pockets, lungs, box, columns);
  const mask = closeMask(open, columns, box, inPixels(image, CLOSING_MM, CLOSING_PIXELS));
  const fraction = Math.min(1, sum(mask) / body.area);
  return fraction < LUNGS_MIN_OF_BODY ? none : { mask, fraction, box };
}

/** By label, 1 for what is around the patient. */
function outsideOf(image: HuImage, pockets: Components): Uint8Array {
  const outside = new Uint8Array(pockets.count + 1);
  let thin = 0;
  for (let label = 1; label <= pockets.count; label += 1) {
    if (!pockets.atBorder(label)) continue;
    const median = coreMedian(image, pockets, label);
    if (median < LUNG_MEDIAN.low) thin += pockets.areas[label] ?? 0;
    if (!(median >= EDGE_LOW)) outside[label] = 1;
  }
  if (thin < OUTSIDE_MIN * image.rows * image.columns) return outside;
  return outside.map((_, label) => (label > 0 && pockets.atBorder(label) ? 1 : 0));
}

type Body = { readonly labels: Int32Array; readonly label: number; readonly area: number };

/** The largest part of what is not outside; what it encloses belongs to it. */
function bodyOf(pockets: Components, outside: Uint8Array, { rows, columns }: HuImage): Body {
  const within = new Uint8Array(pockets.labels.length);
  for (let at = 0; at < within.length; at += 1) within[at] = 1 - (outside[pockets.labels[at] ?? 0] ?? 0);
  const { labels, areas } = components(within, rows, columns);
  const area = areas.reduce((most, part) => Math.max(most, part), 0);
  return { labels, label: area === 0 ? -1 : areas.indexOf(area), area };
}

/** Pixels. */
function tissueOf({ labels, label }: Body, air: Uint8Array): number {
  let area = 0;
  for (let at = 0; at < labels.length; at += 1) if (labels[at] === label && air[at] === 0) area += 1;
  return area;
}

/** Labels, the larger first. */
function lungsOf(image: HuImage, pockets: Components, outside: Uint8Array, body: Body): readonly number[] {
  const { labels, areas, box } = pockets;
  const spacing = spacingOf(image);
  const least =
    spacing === undefined ? PART_MIN_OF_BODY * body.area : PART_MIN_MM2 / (spacing[0] * spacing[1]);
  const large: number[] = [];
  for (let label = 1; label <= pockets.count; label += 1) {
    if (outside[label] === 0 && (areas[label] ?? 0) >= least) large.push(label);
  }
  const found: number[] = [];
  for (const label of large.toSorted((a, b) => (areas[b] ?? 0) - (areas[a] ?? 0) || a - b)) {
    if (found.length === LUNGS) break;
    // A part is within the body as a whole or not at all.
    if (body.labels[labels.indexOf(label, box(label).top * image.columns)] !== body.label) continue;
    const median = coreMedian(image, pockets, label);
    if (median >= LUNG_MEDIAN.low && median <= LUNG_MEDIAN.high) found.push(label);
  }
  return found;
}

/** HU; NaN where the part has no core. */
function coreMedian(image: HuImage, { labels, box }: Components, label: number): number {
  const { pixels, columns } = image;
  const depth = inPixels(image, CORE_MM, CORE_PIXELS);
  const { top, left, bottom, right } = box(label);
  if (bottom - top < 2 * depth || right - left < 2 * depth) return Number.NaN;
  const counts = new Uint32Array(HU_MAX - HU_MIN + 1);
  const down = depth * columns;
  let area = 0;
  for (let row = top + depth; row <= bottom - depth; row += 1) {
    for (let at = row * columns + left + depth; at <= row * columns + right - depth; at += 1) {
      if (labels[at] !== label || labels[at - depth] !== label || labels[at + depth] !== label) continue;
      if (labels[at - down] !== label || labels[at + down] !== label) continue;
      const bin = Math.floor((pixels[at] ?? 0) - HU_MIN);
      counts[bin] = (counts[bin] ?? 0) + 1;
      area += 1;
    }
  }
  if (area === 0) return Number.NaN;
  let seen = 0;
  const middle = counts.findIndex((count) => {
    seen += count;
    return seen * 2 >= area;
  });
  return middle + HU_MIN;
}

/** A length in pixels, at least 1; `otherwise` where the spacing is unknown. */
function inPixels(image: HuImage, mm: number, otherwise: number): number {
  const spacing = spacingOf(image);
  if (spacing === undefined) return otherwise;
  const pixelMm = Math.sqrt(spacing[0] * spacing[1]);
  return Math.min(RADIUS_MAX, Math.max(1, Math.round(mm / pixelMm)));
}

/** What a header says where it is a CT's; beyond these bounds it is a mistake. */
function spacingOf({ pixelSpacing }: HuImage): readonly [number, number] | undefined {
  return pixelSpacing?.every((mm) => mm >= 0.05 && mm <= 10) === true ? pixelSpacing : undefined;
}

function around(boxes: readonly Box[]): Box {
  return {
    top: Math.min(...boxes.map(({ top }) => top)),
    left: Math.min(...boxes.map(({ left }) => left)),
    bottom: Math.max(...boxes.map(({ bottom }) => bottom)),
    right: Math.max(...boxes.map(({ right }) => right)),
  };
}

/** 1 where one of `lungs` is. */
function painted(
  { labels, count }: Components,
  lungs: readonly number[],
  { top, left, bottom, right }: Box,
  columns: number,
): Uint8Array {
  const paint = new Uint8Array(count + 1);
  for (const label of lungs) paint[label] = 1;
  const mask = new Uint8Array(labels.length);
  for (let row = top; row <= bottom; row += 1) {
    for (let at = row * columns + left; at <= row * columns + right; at += 1) {
      mask[at] = paint[labels[at] ?? 0] ?? 0;
    }
  }
  return mask;
}

function sum(mask: Uint8Array): number {
  let area = 0;
  for (let at = 0; at < mask.length; at += 1) area += mask[at] ?? 0;
  return area;
}
