/** The tables of one run, as Markdown. */
import type { BatchRow } from './batch.ts';
import type { Comparison } from './compare.ts';
import type { DecodingRow } from './decoding.ts';
import type { Timing } from './measure.ts';
import { growthMiB } from './series.ts';
import type { SeriesRow } from './series.ts';

export type BenchResult = {
  readonly date: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly decoding: readonly DecodingRow[];
  readonly compared: readonly Comparison[];
  readonly batches: readonly BatchRow[];
  readonly series: readonly SeriesRow[];
};

export function markdownOf(result: BenchResult): string {
  const { date, machine, versions } = result;
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `# Bench: imaging beside pydicom

Made by \`npm run bench:imaging -w bench -- --write\` on ${date}: ${machine.cpu}, ${machine.cores} cores,
Node.js ${machine.node}; ${peers.join(', ')}.
The machine may have been busy; the spread says how much. Both sides ran in turns in one run. Before anything was timed their stored values were compared, all of them:
${equality(result)}.

## One slice, one thread

From the bytes of a file in memory to an array of its stored values. Ours: the structure is read and the frame
decoded by what a decoding thread calls, in one thread. pydicom: \`dcmread(BytesIO(bytes)).pixel_array\` with
pylibjpeg; where another of its plugins is faster, that one too. Every slice has 512 × 512 pixels. Milliseconds are
the median, with the 10th and 90th percentile of all decodings; MB/s are of decoded pixels; a ratio is the peer's
time by ours: above 1 we are faster.

| transfer syntax | file | ours, ms | MB/s | pydicom, ms | MB/s | ratio | its fastest plugin, ms | ratio |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${result.decoding.map(decodingLine).join('\n')}

## A batch through the public API

\`decodeImage\` on all slices at once, with its pool of threads, to float32 Hounsfield units; pydicom with pylibjpeg
in one process, as a Python service without workers of its own would run it, to float32 Hounsfield units. Slices per
second by the median of the turns, with the slowest and fastest tenth. Where nothing is compressed, the way to a
thread and back, which keeps a hostile file from harming the process, costs more than the decoding.

| transfer syntax | slices | ours, slices/s | pydicom, slices/s | ratio |
| --- | ---: | ---: | ---: | ---: |
${result.batches.map(batchLine).join('\n')}

## A series to tensors

Files on disk to what the network takes, in a process of its own. The series are 20 real slices of 512 × 512,
repeated with their own positions. Ours: \`scanSeries\`, then \`seriesTensors\` at 224 × 224: order, geometry checks,
lung mask, three windows, resizing. pydicom and NumPy: order by position, three windows, and neither lung mask nor
resizing; so it does less. The peak is that of the whole process, its interpreter and threads included.

| slices | ours, slices/s | ours, peak MiB | pydicom, slices/s | pydicom, peak MiB |
| ---: | ---: | ---: | ---: | ---: |
${result.series.map(seriesLine).join('\n')}

From the shortest to the longest series our peak grows by ${growthMiB(result.series).toFixed(0)} MiB.
`;
}

function equality({ decoding, compared }: BenchResult): string {
  const all = [...decoding.flatMap(({ comparisons }) => comparisons), ...compared];
  const files = new Set(all.map(({ name, syntax }) => `${name} ${syntax}`)).size;
  const inexact = all.filter(({ maxDifference }) => maxDifference > 0);
  const exact = `${files} files, equal bit for bit`;
  if (inexact.length === 0) return exact;
  const parts = inexact.map(
    ({ syntax, maxDifference, differing }) =>
      `${syntax} by at most ${maxDifference} in ${(differing * 100).toFixed(2)} % of the values`,
  );
  return `${exact} but for ${[...new Set(parts)].join('; ')}`;
}

function decodingLine({ syntax, file, pixelBytes, ours, pydicom, fastest }: DecodingRow): string {
  const rate = ({ medianMs }: Timing) => (pixelBytes / 1000 / medianMs).toFixed(0);
  const peer = [spread(pydicom.timing), rate(pydicom.timing), ratio(ours, pydicom.timing)];
  const other =
    fastest === undefined
      ? ['', '']
      : [`${fastest.plugin} ${spread(fastest.timing)}`, ratio(ours, fastest.timing)];
  return row([syntax, file.split('/').at(-1) ?? '', spread(ours), rate(ours), ...peer, ...other]);
}

function batchLine({ syntax, slices, ours, pydicom }: BatchRow): string {
  const rate = (ms: number) => ((slices / ms) * 1000).toFixed(0);
  const rates = ({ medianMs, p10Ms, p90Ms }: Timing) => `${rate(medianMs)} (${rate(p90Ms)}–${rate(p10Ms)})`;
  return row([syntax, String(slices), rates(ours), rates(pydicom), ratio(ours, pydicom)]);
}

function seriesLine({ slices, ours, pydicom }: SeriesRow): string {
  return row([
    String(slices),
    (slices / ours.seconds).toFixed(0),
    ours.peakMiB.toFixed(0),
    (slices / pydicom.seconds).toFixed(0),
    pydicom.peakMiB.toFixed(0),
  ]);
}

function spread({ medianMs, p10Ms, p90Ms }: Timing): string {
  return `${medianMs.toFixed(2)} (${p10Ms.toFixed(2)}–${p90Ms.toFixed(2)})`;
}

function ratio(ours: Timing, theirs: Timing): string {
  return (theirs.medianMs / ours.medianMs).toFixed(2);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
