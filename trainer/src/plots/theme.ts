/** How every plot looks. */
import type { TopLevelSpec } from 'vega-lite';
import { RESEARCH_USE_ONLY } from '../evaluation.ts';

/** Okabe and Ito (2008): told apart by all common kinds of colour blindness, and in grey by their lightness. */
export const COLOUR = {
  model: '#0072B2',
  positive: '#D55E00',
  negative: '#0072B2',
  opponent: '#6B7280',
  champion: '#CC79A7',
  mark: '#D55E00',
  after: '#009E73',
  quiet: '#9CA3AF',
  text: '#1F2937',
} as const;

/** For what has no meaning of its own: the labels of a model, other curves. */
export const SERIES = ['#0072B2', '#D55E00', '#009E73', '#E69F00', '#56B4E9', '#CC79A7', '#6B7280'] as const;

export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** A layer, or any part of a plot that is not a whole one; Vega-Lite's own type knows which fields go together. */
export type Part = Readonly<Record<string, unknown>>;

export interface Plot {
  /** A sentence that says what is seen. */
  readonly title: string;
  /** Of what, and how it is to be read. */
  readonly subtitle: readonly string[];
  /** Columns of text at the right leave room for a longer title. */
  readonly wide?: boolean;
  /** One under the other. */
  readonly panels: readonly Panel[];
}

interface Panel {
  readonly width: number;
  readonly height: number | { readonly step: number };
  readonly layer: readonly Part[];
}

const FONT = "'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif";

/** Characters of a title that fit in a plot's width; longer ones go on in a second line. */
const TITLE_WIDTH = { narrow: 62, wide: 92 } as const;

export function specOf({ title, subtitle, panels, wide = false }: Plot): TopLevelSpec {
  const room = TITLE_WIDTH[wide ? 'wide' : 'narrow'];
  const [only] = panels;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 16,
    title: {
      text: folded(title, room),
      subtitle: [...subtitle.flatMap((line) => folded(line, room + 18)), RESEARCH_USE_ONLY],
      anchor: 'start',
      frame: 'bounds',
      offset: 14,
    },
    ...(panels.length === 1
      ? only
      : {
          vconcat: panels,
          spacing: 18,
          resolve: { scale: { color: 'independent' }, legend: { color: 'independent' } },
        }),
    config: THEME,
  } as unknown as TopLevelSpec;
}

const THEME: Part = {
  font: FONT,
  view: { stroke: null },
  title: {
    fontSize: 15,
    fontWeight: 600,
    color: COLOUR.text,
    subtitleFontSize: 11.5,
    subtitleColor: '#4B5563',
    subtitlePadding: 5,
    subtitleLineHeight: 15,
    lineHeight: 19,
  },
  axis: {
    labelColor: '#374151',
    titleColor: '#374151',
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 500,
    titlePadding: 8,
    labelFlush: false,
    gridColor: '#E5E7EB',
    domainColor: '#9CA3AF',
    tickColor: '#9CA3AF',
  },
  legend: {
    labelFontSize: 11,
    titleFontSize: 11,
    labelLimit: 420,
    symbolStrokeWidth: 2.5,
    symbolSize: 70,
    rowPadding: 4,
  },
  text: { color: COLOUR.text, fontSize: 11 },
};

/** Broken at spaces. */
export function folded(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** `0.912 (0.871 to 0.944)`. */
export function withInterval(
  value: number,
  interval: { readonly low: number; readonly high: number } | undefined,
  digits = 3,
): string {
  const text = value.toFixed(digits);
  return interval === undefined
    ? text
    : `${text} (${interval.low.toFixed(digits)} to ${interval.high.toFixed(digits)})`;
}

/** How features and levels are called where people read them. */
const WORDS: Readonly<Record<string, string>> = {
  fileBytes: 'file size',
  meanGrey: 'mean grey',
  pixels: 'image size in pixels',
  diameterMm: 'diameter',
  imageShape: 'image shape',
  image: 'image',
  unit: 'nodule or series',
  patient: 'patient',
};

export function wordOf(name: string): string {
  return WORDS[name] ?? name;
}

/** For the subtitle: `143 units (nodules or series) of 80 patients, 61 malignant; test part`. */
export function sampleText(
  {
    level,
    samples,
    positives,
    groups,
  }: {
    readonly level: string;
    readonly samples: number;
    readonly positives: number;
    readonly groups: number;
  },
  { part, positiveLabel }: { readonly part: string; readonly positiveLabel: string },
): string {
  const plural = { image: 'images', unit: 'nodules or series', patient: 'patients' }[level] ?? level;
  const of = level === 'patient' ? '' : ` of ${groups} patients`;
  const where = part === 'all' ? 'all images' : `${part} part`;
  return `${samples} ${plural}${of}, ${positives} of them ${positiveLabel}; ${where}`;
}
