/** Which goals of the server a run has missed. */
import {
  type BenchResult,
  OURS,
  answersPerCpuSecond,
  cpuMs,
  peakMiB,
  shareInTime,
  peersOf,
  largest,
  smallest,
} from './figures.ts';

export function shortcomings(result: BenchResult): readonly string[] {
  const { rows, nulls, overloads, further, floors } = result;
  const others = peersOf(rows).filter((peer) => peer !== OURS);
  const missed: string[] = [];
  if (!peersOf(rows).includes(OURS)) return ['our own server was not measured'];
  const floor = Math.min(...floors.map(({ cpuSecondsPerImage }) => cpuSecondsPerImage));
  for (const kind of ['png', 'binary'] as const) {
    const rate = answersPerCpuSecond(rows, OURS, kind);
    if (rate !== undefined && 1 / rate > floor * 1.01) {
      missed.push(`${kind}: ${percent(1 / rate / floor - 1)} above the engine's floor, the goal is 1 %`);
    }
  }
  for (const kind of ['png', 'json', 'binary'] as const) {
    const own = cpuMs(nulls, OURS, kind);
    const best = smallest(others.map((peer) => cpuMs(nulls, peer, kind)));
    if (own !== undefined && best !== undefined && own > best / 2) {
      missed.push(
        `${kind}: the stack's own cost is ${(own / best).toFixed(2)} of the best peer's, the goal is 0.5`,
      );
    }
  }
  const best = largest(others.map((peer) => answersPerCpuSecond(rows, peer, 'png')));
  const int8 = answersPerCpuSecond(further, 'hilum-int8', 'png');
  if (best !== undefined && int8 !== undefined && int8 < 3.3 * best) {
    missed.push(
      `int8: ${(int8 / best).toFixed(2)} of the best peer's answers per CPU-second, the goal is 3.3`,
    );
  }
  const inTime = overloads.find(({ peer }) => peer === OURS);
  if (inTime !== undefined && shareInTime(result, inTime) < 0.95) {
    missed.push(
      `overload: ${percent(shareInTime(result, inTime))} of the possible answers in time, the goal is 95 %`,
    );
  }
  const start = smallest(rows.filter(({ peer }) => peer === OURS).map(({ startSeconds }) => startSeconds));
  if (start !== undefined && start > 1)
    missed.push(`first right answer after ${start.toFixed(2)} s, the goal is 1 s`);
  const ownPeak = peakMiB(rows, OURS);
  const leastPeak = smallest(others.map((peer) => peakMiB(rows, peer)));
  if (ownPeak !== undefined && leastPeak !== undefined && ownPeak > leastPeak) {
    missed.push(`peak RSS ${ownPeak.toFixed(0)} MiB, the smallest peer's is ${leastPeak.toFixed(0)}`);
  }
  return missed;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
