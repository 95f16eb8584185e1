/** Curves as CSV, for `dvc plots` and spreadsheets: by nodule or series, without a name of any. Pure. */
import type { HistoryRow } from '../plots/history.ts';
import { isDefined } from '../statistics/samples.ts';
import type { Assessment } from './assessment.ts';

export function curveFiles(
  { levels, labels }: Assessment,
  history: readonly HistoryRow[] | undefined,
): Readonly<Record<string, string>> {
  const { curves, calibration, confusion } = levels.unit;
  return {
    'roc.csv': csv(
      ['fpr', 'tpr', 'threshold'],
      curves.roc.map(({ fpr, tpr, threshold }) => [fpr, tpr, threshold ?? 'Infinity']),
    ),
    'pr.csv': csv(
      ['recall', 'precision', 'threshold'],
      curves.precisionRecall.map(({ recall, precision, threshold }) => [recall, precision, threshold]),
    ),
    'reliability.csv': csv(
      ['series', 'predicted', 'happened', 'low', 'high', 'samples'],
      isDefined(calibration)
        ? [...binRows('before', calibration.before.bins), ...binRows('after', calibration.after?.bins ?? [])]
        : [],
    ),
    // `dvc plots` counts rows itself: one a sample.
    'confusion.csv': csv(
      ['actual', 'predicted'],
      confusion.counts.flatMap((row, right) =>
        row.flatMap((count, called) =>
          Array.from({ length: count }, () => [labels[right] ?? '', labels[called] ?? '']),
        ),
      ),
    ),
    ...(history !== undefined && { 'history.csv': historyCsv(history) }),
  };
}

function historyCsv(history: readonly HistoryRow[]): string {
  return csv(
    ['epoch', 'loss', 'val_loss', 'val_accuracy', 'val_auc_roc', 'learning_rate'],
    history.map(({ epoch, loss, valLoss, valAccuracy, valAucRoc, learningRate }) => [
      epoch,
      loss,
      valLoss,
      valAccuracy,
      valAucRoc,
      learningRate ?? '',
    ]),
  );
}

type Bins = Exclude<
  Assessment['levels']['unit']['calibration'],
  { readonly notDefined: string }
>['before']['bins'];

function binRows(series: string, bins: Bins): readonly (readonly (string | number)[])[] {
  return bins.map(({ predicted, happened }) => [
    series,
    predicted,
    happened.value,
    happened.low,
    happened.high,
    happened.of,
  ]);
}

function csv(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, ...rows].map((cells) => `${cells.map(cellOf).join(',')}\n`).join('');
}

/** RFC 4180. A number that is none is an empty cell. */
function cellOf(cell: string | number): string {
  if (typeof cell === 'number') return Number.isFinite(cell) ? String(cell) : '';
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
