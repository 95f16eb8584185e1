/** All plots of an evaluation, as SVG. */
import type { Level } from '@hilum/model';
import type { Assessment } from '../evaluation/assessment.ts';
import { confusionPlot } from './confusion.ts';
import { precisionRecallPlot, rocPlot } from './curves.ts';
import { opponentsPlot, subgroupPlot } from './forest.ts';
import { historyPlot, type History } from './history.ts';
import { reliabilityPlot } from './reliability.ts';
import { renderSvg } from './render.ts';
import { scorePlot } from './scores.ts';
import { specOf } from './theme.ts';

export interface PlotOptions {
  /** Whose curves are drawn; nodules or series unless told. */
  readonly level?: Level;
  /** Of the run; without it there are no learning curves. */
  readonly history?: History;
}

/**
 * By file name; the same bytes for the same figures. A plot of figures that are not defined is left out.
 *
 * They hold aggregate figures and the names of labels only, none of a file or a patient.
 */
export async function plotFiles(
  assessment: Assessment,
  { level = 'unit', history }: PlotOptions = {},
): Promise<Readonly<Record<string, string>>> {
  const figures = assessment.levels[level];
  const plots = {
    'roc.svg': rocPlot(assessment, figures),
    'precision-recall.svg': precisionRecallPlot(assessment, figures),
    'confusion.svg': confusionPlot(assessment, figures),
    'reliability.svg': reliabilityPlot(assessment, figures),
    'scores.svg': scorePlot(assessment, figures),
    'opponents.svg': opponentsPlot(assessment, figures),
    'subgroups.svg': subgroupPlot(assessment),
    'history.svg': history && historyPlot(history),
  };
  const files: Record<string, string> = {};
  for (const [name, plot] of Object.entries(plots)) {
    if (plot !== undefined) files[name] = await renderSvg(specOf(plot));
  }
  return files;
}
