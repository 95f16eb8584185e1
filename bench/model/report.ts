/** The table of the sizes of the input, as Markdown, and its place in docs/model.md. */
import { lessThan, type Row } from './measure.ts';

const [START, END] = ['<!-- input size: from here', 'input size: to here -->'] as const;

type Machine = {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly load: number;
};

export function markdownOf(rows: readonly Row[], { date, cpu, cores, load }: Machine): string {
  return `Measured on ${date}: ${cpu}, ${cores} cores, load average ${load.toFixed(0)} at its end. CPU time
is that of the whole way from file to features, all threads together; a busy machine makes it longer.

| images and network | input, px | CPU a image, ms | AUC-ROC of images (95 %) | less that at ${largestOf(rows)} px (95 %) |
| --- | ---: | ---: | --- | --- |
${rows.map((row) => lineOf(row, rows)).join('\n')}

![AUC-ROC against CPU time of an image, for each size of the input](model-input-size.svg)
`;
}

/** @throws Error where the page has no place for it */
export function between(page: string, markdown: string): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  const from = page.indexOf('-->', start);
  const to = page.lastIndexOf('<!--', end);
  if (start < 0 || end < 0 || to < from) throw new Error('docs/model.md lacks the comments that say where');
  return `${page.slice(0, from + 3)}\n\n${markdown}\n${page.slice(to)}`;
}

function lineOf(row: Row, rows: readonly Row[]): string {
  const { name, inputSize, cpuSeconds, auc, interval } = row;
  const reference = rows.find((one) => one.name === name && one.inputSize === largestOf(rows));
  const cells = [
    name,
    String(inputSize),
    (cpuSeconds * 1000).toFixed(0),
    `${auc.toFixed(3)} (${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})`,
    reference === undefined || reference === row ? '' : differenceText(row, reference),
  ];
  return `| ${cells.join(' | ')} |`;
}

function differenceText(row: Row, reference: Row): string {
  const { difference, interval } = lessThan(row, reference);
  const within = interval === undefined ? '' : ` (${signed(interval.low)} to ${signed(interval.high)})`;
  return `${signed(difference)}${within}`;
}

function largestOf(rows: readonly Row[]): number {
  return Math.max(...rows.map(({ inputSize }) => inputSize));
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${value.toFixed(3)}`;
}
