/** How the scores of the labels lie, and where the thresholds cut them. */
import type { Assessment, LevelAssessment } from '../evaluation/assessment.ts';
import { isDefined } from '../statistics/samples.ts';
import { COLOUR, sampleText, SERIES, wordOf, type Part, type Plot } from './theme.ts';

/** Undefined without samples. */
export function scorePlot(assessment: Assessment, level: LevelAssessment): Plot | undefined {
  const { positiveLabel, decision } = assessment;
  if (level.samples === 0) return undefined;
  const labels = [positiveLabel, ...assessment.labels.filter((label) => label !== positiveLabel)];
  const rows = labels.flatMap((label) => {
    const counts = level.curves.histogram[label] ?? [];
    const total = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count, at) => ({
      label,
      from: at / counts.length,
      to: (at + 1) / counts.length,
      share: total === 0 ? 0 : count / total,
    }));
  });
  const domain = [COLOUR.positive, ...SERIES.filter((colour) => colour !== COLOUR.positive)];
  const { operating } = level;
  // Room above the bars for the words at the threshold.
  const ceiling = 1.18 * Math.max(0.01, ...rows.map(({ share }) => share));
  const conformal = decision?.levels[level.level].conformal;
  const layer: Part[] = [
    {
      data: { values: rows },
      mark: { type: 'bar', opacity: 0.55, binSpacing: 1 },
      encoding: {
        x: {
          field: 'from',
          bin: { binned: true, step: 0.05 },
          scale: { domain: [0, 1] },
          axis: {
            title: `probability of ${positiveLabel}`,
            format: '.1f',
            values: [0, 0.2, 0.4, 0.6, 0.8, 1],
            grid: false,
          },
        },
        x2: { field: 'to' },
        y: {
          field: 'share',
          type: 'quantitative',
          scale: { domain: [0, ceiling] },
          stack: null,
          axis: { title: 'part of the label', format: '.0%', tickCount: 5 },
        },
        color: {
          field: 'label',
          scale: { domain: labels, range: domain },
          legend: { title: null, orient: 'bottom', direction: 'horizontal' },
        },
      },
    },
  ];
  if (isDefined(operating))
    layer.push(...cut(operating.chosen.threshold, 'called positive from here', COLOUR.text, 0));
  // With more labels the limits are not two points on this axis.
  const banded = conformal !== undefined && isDefined(conformal) && labels.length === 2;
  if (banded) {
    layer.push(...abstentionBand(conformal.threshold));
  }
  return {
    title: `By ${wordOf(level.level)}: how the scores of each label lie`,
    subtitle: [sampleText(level, assessment), ...abstentionText(level, banded)],
    panels: [{ width: 480, height: 280, layer }],
  };
}

function abstentionText({ abstention }: LevelAssessment, banded: boolean): readonly string[] {
  if (!isDefined(abstention) || !isDefined(abstention.answered) || !isDefined(abstention.coverage)) return [];
  const { answered, coverage, alpha } = abstention;
  return [
    `${banded ? 'Grey: the' : 'The'} model says nothing of ${part(1 - answered.value)} of the samples (conformal, α ${alpha}); its answers hold the right label in ${part(coverage.value)}.`,
  ];
}

function part(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function cut(x: number, text: string, colour: string, dy: number): readonly Part[] {
  const right = x > 0.6;
  return [
    {
      data: { values: [{ x }] },
      mark: { type: 'rule', color: colour, strokeWidth: 1.6 },
      encoding: { x: { field: 'x', type: 'quantitative' } },
    },
    {
      data: { values: [{ x, text: right ? `${text} (${x.toFixed(3)}) →` : `→ ${text} (${x.toFixed(3)})` }] },
      mark: {
        type: 'text',
        align: right ? 'right' : 'left',
        dx: right ? -6 : 6,
        dy,
        y: 8,
        color: colour,
        fontSize: 11,
      },
      encoding: { x: { field: 'x', type: 'quantitative' }, text: { field: 'text' } },
    },
  ];
}

/** Between the two labels' limits both are possible, or, where the threshold is small, neither. */
function abstentionBand(threshold: number): readonly Part[] {
  const [from, to] = [1 - threshold, threshold].toSorted((a, b) => a - b);
  return [
    {
      data: { values: [{ from: Math.max(0, from ?? 0), to: Math.min(1, to ?? 1) }] },
      mark: { type: 'rect', color: COLOUR.quiet, opacity: 0.22 },
      encoding: { x: { field: 'from', type: 'quantitative' }, x2: { field: 'to' } },
    },
  ];
}
