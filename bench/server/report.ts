/** The tables of one run, as Markdown. */
import {
  type BenchResult,
  OURS,
  LOADED,
  answersPerCpuSecond,
  perSecond,
  cpuMs,
  peakMiB,
  shareInTime,
  quantile,
  peersOf,
  ofPeer,
  stepsOf,
  largest,
  smallest,
} from './figures.ts';
import { shortcomings } from './goals.ts';
import type { Loaded, Measured } from './measure.ts';

export function markdownOf(result: BenchResult): string {
  const { date, machine, load, floors, rows, nulls, overloads, further, failures, names } = result;
  const missed = shortcomings(result);
  const listed = peersOf(rows);
  return `# Bench: the server beside its peers

Made by \`npm run bench:server -w bench -- --write\` on ${date}: ${machine.cpu}, ${machine.cores} cores, Node.js
${machine.node}. The load average was ${load.before.toFixed(1)} before and ${load.after.toFixed(1)} after. Research use
only, not for diagnosis.

The network is VGG16 with ImageNet's weights, the mean of its last map, 256 hidden units and two labels, float32, at
224 x 224. All servers but Keras' run the same ONNX file, and every answer is compared with onnxruntime's. Load comes
from a client on the same cores, so requests a second say less than **answers per CPU-second**, where the CPU time is
that of all processes of the server. Rounds run forwards and backwards through the servers; two servers less than about
8 % apart are not to be ranked. Peers are set as their documentation says for a CPU, batches up to 8 within 5 ms where
they batch; threads do not spin. [bench/server/peers](../bench/server/peers) has them all.

${missed.length === 0 ? 'All goals were reached.' : `Goals that were missed:\n\n${missed.map((text) => `- ${text}`).join('\n')}`}

![Answers per CPU-second](bench-server.svg)

## VGG16

onnxruntime alone needs ${floors.map((floor) => `${floor.cpuSecondsPerImage.toFixed(3)} CPU-s an image with ${floor.threads} thread${floor.threads === 1 ? '' : 's'}`).join(', ')}.

${table(
  [
    'server',
    'PNG /CPU-s',
    'JSON /CPU-s',
    'binary /CPU-s',
    'PNG req/s',
    'p50, p99 s',
    'p50 s alone',
    'start s',
    'idle, peak RSS; peak PSS MiB',
    'processes',
  ],
  listed.map((peer) => [
    names[peer] ?? peer,
    rateText(answersPerCpuSecond(rows, peer, 'png')),
    rateText(answersPerCpuSecond(rows, peer, 'json')),
    rateText(answersPerCpuSecond(rows, peer, 'binary')),
    rateText(perSecond(rows, peer)),
    quantiles(stepsOf(rows, peer, 'png', LOADED)),
    number(quantile(stepsOf(rows, peer, 'png', 1), 0.5), 2),
    number(smallest(ofPeer(rows, peer).map(({ startSeconds }) => startSeconds)), 2),
    `${number(largest(ofPeer(rows, peer).map(({ idleMiB }) => idleMiB)), 0)}, ${number(peakMiB(rows, peer), 0)}; ${number(peakMiB(rows, peer, 'peakPssMiB'), 0)}`,
    String(ofPeer(rows, peer)[0]?.processes ?? ''),
  ]),
)}

Sixteen clients at once but for "alone", which has one. RSS counts what a process has mapped twice (our weights, a lane each) twice,
PSS once. A dash: the server does not take that, or not in this set-up.

## The stack's own cost

The same servers with a network that costs next to nothing (the mean of each colour, two numbers of it): CPU
milliseconds a request, one round.

${table(
  ['server', 'PNG', 'JSON, 1.3 MB', 'binary, 0.6 MB'],
  peersOf(nulls).map((peer) => [
    names[peer] ?? peer,
    number(cpuMs(nulls, peer, 'png'), 1),
    number(cpuMs(nulls, peer, 'json'), 1),
    number(cpuMs(nulls, peer, 'binary'), 2),
  ]),
)}

## Overload

${overloadText(overloads)}

${table(
  ['server', 'asked', 'in time', 'of the possible', 'refused', 'client left', 'CPU-s', 'peak MiB'],
  overloads.map((row) => overloadRow(result, row)),
)}

"Possible" is what the fastest server of the table above would answer in the time from the first request to the last
answer in time.

## int8 and smaller inputs

${table(
  ['server', 'PNG /CPU-s', 'beside the best peer at 224 px, float32', 'p50 s alone', 'peak MiB'],
  further.map(({ peer }) => [
    names[peer] ?? peer,
    rateText(answersPerCpuSecond(further, peer, 'png')),
    ratioText(
      answersPerCpuSecond(further, peer, 'png'),
      largest(
        listed.filter((other) => other !== OURS).map((other) => answersPerCpuSecond(rows, other, 'png')),
      ),
    ),
    number(quantile(stepsOf(further, peer, 'png', 1), 0.5), 3),
    number(peakMiB(further, peer), 0),
  ]),
)}

What int8 costs in AUC-ROC is measured on real nodules in [int8.md](int8.md), what a smaller input costs in
[model.md](model.md).
${failureText(failures)}`;
}

function overloadText(overloads: readonly Measured[]): string {
  const [asked] = overloads.map(({ overload }) => overload?.asked);
  if (asked === undefined) return 'Not measured in this run.';
  return `PNGs at ${asked.perSecond.toFixed(0)} requests a second, three times what the fastest server answers, for
${asked.seconds} s, whatever becomes of those before; a client leaves after ${asked.deadlineMs / 1000} s.`;
}

function overloadRow(result: BenchResult, row: Measured): string[] {
  const { overload } = row;
  if (overload === undefined) return [row.peer];
  const { latencies, failures, cpuSeconds, peakMiB: peak } = overload;
  const count = (test: (what: string) => boolean) =>
    Object.entries(failures).reduce((sum, [what, times]) => sum + (test(what) ? times : 0), 0);
  return [
    result.names[row.peer] ?? row.peer,
    String(latencies.length + count(() => true)),
    String(latencies.length),
    percent(shareInTime(result, row)),
    String(count(isRefusal)),
    String(count((what) => !isRefusal(what))),
    cpuSeconds.toFixed(1),
    peak.toFixed(0),
  ];
}

function isRefusal(what: string): boolean {
  return what === '503' || what === '429';
}

function failureText(failures: BenchResult['failures']): string {
  const lines = Object.entries(failures).map(([peer, why]) => `- ${peer}: ${why.split('\n')[0]}`);
  return lines.length === 0 ? '' : `\n## Not measured\n\n${lines.join('\n')}\n`;
}

function quantiles(steps: readonly Loaded[]): string {
  return `${number(quantile(steps, 0.5), 2)}, ${number(quantile(steps, 0.99), 2)}`;
}

function number(value: number | undefined, digits: number): string {
  return value === undefined ? '-' : value.toFixed(digits);
}

function rateText(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(value < 100 ? 2 : 0);
}

function ratioText(value: number | undefined, of: number | undefined): string {
  return value === undefined || of === undefined ? '-' : `${(value / of).toFixed(1)} x`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
