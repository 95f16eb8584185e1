/** Which label is taken for which. */
import type { Assessment, LevelAssessment } from '../evaluation/assessment.ts';
import { isDefined } from '../statistics/samples.ts';
import { COLOUR, sampleText, wordOf, type Plot } from './theme.ts';

/** Undefined without samples. */
export function confusionPlot(assessment: Assessment, level: LevelAssessment): Plot | undefined {
  const { labels } = assessment;
  const { counts, accuracy } = level.confusion;
  if (!isDefined(accuracy)) return undefined;
  const cells = counts.flatMap((row, right) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, called) => {
      const share = total === 0 ? 0 : count / total;
      return {
        right: labels[right] ?? '',
        called: labels[called] ?? '',
        share,
        text: `${count}\n${(100 * share).toFixed(0)} %`,
        dark: share > 0.55,
      };
    });
  });
  const side = Math.max(300, labels.length * 110);
  const encoding = {
    x: {
      field: 'called',
      type: 'nominal',
      sort: labels,
      axis: {
        title: 'the model says',
        labelAngle: 0,
        labelLimit: side / labels.length - 6,
        orient: 'top',
        domain: false,
        ticks: false,
      },
    },
    y: {
      field: 'right',
      type: 'nominal',
      sort: labels,
      axis: { title: 'the label is', labelLimit: 220, domain: false, ticks: false },
    },
  };
  return {
    title: `By ${wordOf(level.level)}, ${accuracy.count} of ${accuracy.of} are called what they are`,
    subtitle: [
      sampleText(level, assessment),
      'The most probable label, without a threshold. Shade: part of the row.',
    ],
    panels: [
      {
        width: side,
        height: side * 0.8,
        layer: [
          {
            data: { values: cells },
            mark: { type: 'rect', stroke: 'white', strokeWidth: 3 },
            encoding: {
              ...encoding,
              color: {
                field: 'share',
                type: 'quantitative',
                scale: { domain: [0, 1], range: ['#F1F5F9', COLOUR.model] },
                legend: null,
              },
            },
          },
          {
            data: { values: cells },
            mark: { type: 'text', lineBreak: '\n', fontSize: 15, lineHeight: 20, dy: -8, baseline: 'middle' },
            encoding: {
              ...encoding,
              text: { field: 'text' },
              color: { condition: { test: 'datum.dark', value: 'white' }, value: COLOUR.text },
            },
          },
        ],
      },
    ],
  };
}
