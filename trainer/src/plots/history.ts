/** How a run went, epoch by epoch. */
import { COLOUR, type Part, type Plot, type Row } from './theme.ts';

/** As `fit` reports an epoch. */
export interface HistoryRow {
  /** From 1. */
  readonly epoch: number;
  readonly loss: number;
  readonly valLoss: number;
  readonly valAccuracy: number;
  readonly valAucRoc: number;
  readonly learningRate?: number;
}

export interface History {
  readonly epochs: readonly HistoryRow[];
  /** Whose weights were kept. */
  readonly bestEpoch: number;
}

/** Undefined without an epoch. */
export function historyPlot({ epochs, bestEpoch }: History): Plot | undefined {
  const best = epochs.find(({ epoch }) => epoch === bestEpoch);
  if (best === undefined) return undefined;
  const rated = epochs.every(({ learningRate }) => learningRate !== undefined);
  return {
    title: `Epoch ${bestEpoch} of ${epochs.length} was kept, with a validation AUC-ROC of ${best.valAucRoc.toFixed(3)}`,
    subtitle: [
      'The line marks it. Training loss as the batches were met, with class weights; validation loss without.',
    ],
    panels: [
      panel('loss', epochs, bestEpoch, [
        ['training', COLOUR.model, ({ loss }) => loss],
        ['validation', COLOUR.positive, ({ valLoss }) => valLoss],
      ]),
      panel('validation', epochs, bestEpoch, [
        ['AUC-ROC', COLOUR.after, ({ valAucRoc }) => valAucRoc],
        ['accuracy', COLOUR.quiet, ({ valAccuracy }) => valAccuracy],
      ]),
      ...(rated
        ? [panel('learning rate', epochs, bestEpoch, [['', COLOUR.text, (row) => row.learningRate ?? 0]])]
        : []),
    ],
  };
}

type Line = readonly [name: string, colour: string, of: (row: HistoryRow) => number];

function panel(
  title: string,
  epochs: readonly HistoryRow[],
  bestEpoch: number,
  lines: readonly Line[],
): Plot['panels'][number] {
  const rows = lines.flatMap(([name, , of]): readonly Row[] =>
    // A figure that diverged is a gap.
    epochs.flatMap((row) => (Number.isFinite(of(row)) ? [{ name, x: row.epoch, y: of(row) }] : [])),
  );
  const x = {
    field: 'x',
    type: 'quantitative',
    scale: { domain: [1, Math.max(2, epochs.length)], nice: false },
    axis: { title: 'epoch', tickMinStep: 1, format: 'd' },
  };
  const few = epochs.length <= 40;
  const names = lines.map(([name]) => name);
  const colours = lines.map(([, colour]) => colour);
  const layer: readonly Part[] = [
    {
      data: { values: [{ x: bestEpoch }] },
      mark: { type: 'rule', color: COLOUR.mark, strokeDash: [4, 3], opacity: 0.9 },
      encoding: { x },
    },
    {
      data: { values: rows },
      mark: { type: 'line', strokeWidth: 2, ...(few && { point: { size: 26, filled: true } }) },
      encoding: {
        x,
        y: {
          field: 'y',
          type: 'quantitative',
          scale: { zero: title === 'learning rate' },
          axis: { title, tickCount: 5 },
        },
        color: {
          field: 'name',
          scale: { domain: names, range: colours },
          legend: lines.length < 2 ? null : { title: null, orient: 'right' },
        },
      },
    },
  ];
  return { width: 460, height: title === 'learning rate' ? 80 : 150, layer };
}
