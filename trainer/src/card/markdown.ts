/** Markdown out of figures that may not be defined. */
import { rateInterval } from '../evaluation/rate-interval.ts';
import type { Rate } from '../evaluation/assessment.ts';
import { intervalOf, type AucComparison, type AucEstimate } from '../statistics/auc.ts';
import { isDefined, type NotDefined } from '../statistics/samples.ts';

interface Interval {
  readonly low: number;
  readonly high: number;
}

/** A table of aligned columns: the cells are escaped, so that a label cannot end one. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), `| ${head.map(() => '---').join(' | ')} |`, ...rows.map(line)].join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.map(escaped).join(' | ')} |`;
}

export function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll(/\s+/g, ' ');
}

/** `0.912 (0.871 to 0.944)`; without an interval the value alone. */
export function figure(value: number, interval: Interval | NotDefined | undefined): string {
  return interval !== undefined && isDefined(interval)
    ? `${value.toFixed(3)} (${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})`
    : value.toFixed(3);
}

export function auc(estimate: AucEstimate | NotDefined): string {
  return isDefined(estimate) ? figure(estimate.value, intervalOf(estimate)) : missing(estimate);
}

/** By groups where there is such an interval. */
export function rate(of: Rate): string {
  const { wilson } = of;
  if (!isDefined(wilson)) return missing(wilson);
  return `${figure(wilson.value, rateInterval(of))}, ${wilson.count} of ${wilson.of}`;
}

/** `+0.031 (-0.004 to +0.066)`. */
export function difference(compared: AucComparison | NotDefined): string {
  if (!isDefined(compared)) return missing(compared);
  const { bootstrap } = compared;
  const value = signed(compared.difference);
  return isDefined(bootstrap) ? `${value} (${signed(bootstrap.low)} to ${signed(bootstrap.high)})` : value;
}

export function missing({ notDefined }: NotDefined): string {
  return `not defined: ${notDefined}`;
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
}
