import { HU_MAX, HU_MIN } from '../image.ts';
import type { HuImage } from '../image.ts';
import { closeMask } from './closing.ts';
import { components } from './components.ts';
import type { Box, Components, Part } from './components.ts';

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
// Between lung and soft tissue. Published practice is -320 to -400: the iteration of Hu, Hoffman and Reinhardt (2001)
// ends there on most scans.
const AIR_BELOW = -320;
// Air in the trachea, the bowel or a sinus measures about -1000, and so does the air around a patient. Lung is full of
// vessels: in severe emphysema, whose own threshold is -950 a pixel, half of the pixels still lie above -960. The upper
// bound leaves out stool, and cells of the mastoid.
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
// Vessels and small nodules at the pleura belong to the lung: notches up to twice this wide are closed.
const CLOSING_MM = 5;
// 5 mm at the 0.7 mm of a usual chest CT.
const CLOSING_PIXELS = 7;
const RADIUS_MAX = 40;
const LUNGS = 2;

/**
 * Where the lungs are in one axial slice: air (below -320 HU) within the body; of its connected parts (by edges) at most
 * the two largest whose size and density are a lung's; closed by a disc of 5 mm (7 pixels where the spacing is unknown).
 * None where all that takes less than 2 % of the body.
 *
 * Parts at the edge of the slice are outside the patient, the table with its foam among them, where air as thin as that
 * around a patient takes 5 % of the slice there. Else the field of view lies within the chest, as in a reconstruction of
 * one nodule, and a part at the edge counts as lung from -930 HU upwards.
 *
 * Not seen, so absent: lung that is consolidated as a whole, and a lung that reaches the edge beside air from outside.
 * Pure; less than 10 ms for 512².
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
  if (lungs.length === 0) return none;
  const wanted = new Set(lungs.map(({ label }) => label));
  const open = new Uint8Array(air.length);
  for (let at = 0; at < open.length; at += 1) open[at] = wanted.has(pockets.labels[at] ?? 0) ? 1 : 0;
  const mask = closeMask(open, image, around(lungs), inPixels(image, CLOSING_MM, CLOSING_PIXELS));
  const { area, box } = extent(mask, rows, columns);
  const fraction = Math.min(1, area / body.area);
  return fraction < LUNGS_MIN_OF_BODY ? none : { mask, fraction, box };
}

/** By label, 1 for what is around the patient. */
function outsideOf(image: HuImage, { labels, parts }: Components): Uint8Array {
  const outside = new Uint8Array(parts.length);
  const edge = parts
    .slice(1)
    .filter((part) => part.atBorder)
    .map((part) => ({ label: part.label, area: part.area, median: coreMedian(image, labels, part) }));
  const thin = edge.reduce((sum, { area, median }) => sum + (median < LUNG_MEDIAN.low ? area : 0), 0);
  const around = thin >= OUTSIDE_MIN * image.rows * image.columns;
  for (const { label, median } of edge) outside[label] = around || !(median >= EDGE_LOW) ? 1 : 0;
  return outside;
}

type Body = { readonly labels: Int32Array; readonly label: number; readonly area: number };

/** The largest part of what is not outside; what it encloses belongs to it. */
function bodyOf(pockets: Components, outside: Uint8Array, { rows, columns }: HuImage): Body {
  const within = new Uint8Array(pockets.labels.length);
  for (let at = 0; at < within.length; at += 1) within[at] = 1 - (outside[pockets.labels[at] ?? 0] ?? 0);
  const { labels, parts } = components(within, rows, columns);
  const { label, area } = parts
    .slice(1)
    .reduce((most, part) => (part.area > most.area ? part : most), { label: -1, area: 0 });
  return { labels, label, area };
}

function lungsOf(
  image: HuImage,
  { labels, parts }: Components,
  outside: Uint8Array,
  body: Body,
): readonly Part[] {
  const spacing = spacingOf(image);
  const least =
    spacing === undefined ? PART_MIN_OF_BODY * body.area : PART_MIN_MM2 / (spacing[0] * spacing[1]);
  const large = parts
    .slice(1)
    .filter(({ area, label }) => outside[label] === 0 && area >= least)
    .toSorted((a, b) => b.area - a.area || a.label - b.label);
  const found: Part[] = [];
  for (const part of large) {
    if (found.length === LUNGS) break;
    // A part is within the body as a whole or not at all.
    if (body.labels[labels.indexOf(part.label, part.box.top * image.columns)] !== body.label) continue;
    const median = coreMedian(image, labels, part);
    if (median >= LUNG_MEDIAN.low && median <= LUNG_MEDIAN.high) found.push(part);
  }
  return found;
}

/** HU; NaN where the part has no core. */
function coreMedian(image: HuImage, labels: Int32Array, { label, box }: Part): number {
  const { pixels, columns } = image;
  const depth = inPixels(image, CORE_MM, CORE_PIXELS);
  const [left, right, up, down] = [-depth, depth, -depth * columns, depth * columns];
  const counts = new Uint32Array(HU_MAX - HU_MIN + 1);
  let area = 0;
  for (let row = box.top + depth; row <= box.bottom - depth; row += 1) {
    for (let at = row * columns + box.left + depth; at <= row * columns + box.right - depth; at += 1) {
      if (labels[at] !== label || labels[at + left] !== label || labels[at + right] !== label) continue;
      if (labels[at + up] !== label || labels[at + down] !== label) continue;
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

function around(parts: readonly Part[]): Box {
  return {
    top: Math.min(...parts.map(({ box }) => box.top)),
    left: Math.min(...parts.map(({ box }) => box.left)),
    bottom: Math.max(...parts.map(({ box }) => box.bottom)),
    right: Math.max(...parts.map(({ box }) => box.right)),
  };
}

/** Closing may fill a notch between the lungs that lies beyond the box of either. */
function extent(
  mask: Uint8Array,
  rows: number,
  columns: number,
): { readonly area: number; readonly box: Box } {
  let [top, left, bottom, right] = [rows, columns, -1, -1];
  let area = 0;
  for (let row = 0, at = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1, at += 1) {
      if (mask[at] === 0) continue;
      area += 1;
      if (row < top) top = row;
      bottom = row;
      if (column < left) left = column;
      if (column > right) right = column;
    }
  }
  return { area, box: { top, left, bottom, right } };
}
