/** What the tables, the goals and the plot are made of: rates, memory and shares of one run. */
import type { Loaded, Measured } from './measure.ts';
import type { Kind } from './requests.ts';

export interface Floor {
  readonly threads: number;
  readonly cpuSecondsPerImage: number;
  readonly secondsPerImage: number;
}

export interface BenchResult {
  readonly date: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string };
  readonly load: { readonly before: number; readonly after: number };
  /** onnxruntime alone. */
  readonly floors: readonly Floor[];
  readonly names: Readonly<Record<string, string>>;
  readonly rows: readonly Measured[];
  readonly overloads: readonly Measured[];
  /** With the network that costs next to nothing. */
  readonly nulls: readonly Measured[];
  /** int8 and smaller inputs. */
  readonly further: readonly Measured[];
  /** Peer → why it could not be measured. */
  readonly failures: Readonly<Record<string, string>>;
}

export const OURS = 'hilum';

export const LOADED = 16;

export function answersPerCpuSecond(
  rows: readonly Measured[],
  peer: string,
  kind: Kind,
  concurrency = LOADED,
): number | undefined {
  const found = stepsOf(rows, peer, kind, concurrency);
  const answers = found.reduce((sum, { latencies }) => sum + latencies.length, 0);
  const seconds = found.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  return answers === 0 || seconds === 0 ? undefined : answers / seconds;
}

export function perSecond(rows: readonly Measured[], peer: string): number | undefined {
  return largest(
    stepsOf(rows, peer, 'png', LOADED).map(({ latencies, wallSeconds }) => latencies.length / wallSeconds),
  );
}

export function cpuMs(rows: readonly Measured[], peer: string, kind: Kind): number | undefined {
  const rate = answersPerCpuSecond(rows, peer, kind);
  return rate === undefined ? undefined : 1000 / rate;
}

export function peakMiB(
  rows: readonly Measured[],
  peer: string,
  of: 'peakMiB' | 'peakPssMiB' = 'peakMiB',
): number | undefined {
  return largest(ofPeer(rows, peer).flatMap(({ steps }) => steps.map((step) => step[of])));
}

export function shareInTime({ rows }: BenchResult, { overload }: Measured): number {
  if (overload === undefined) return 0;
  const fastest = largest(peersOf(rows).map((peer) => perSecond(rows, peer))) ?? 0;
  const seconds = Math.max(overload.answeringSeconds, overload.asked.seconds);
  return overload.latencies.length / (fastest * seconds);
}

export function quantile(steps: readonly Loaded[], share: number): number | undefined {
  const all = steps.flatMap(({ latencies }) => latencies).toSorted((a, b) => a - b);
  return all[Math.min(all.length - 1, Math.floor(share * all.length))];
}

export function peersOf(rows: readonly Measured[]): readonly string[] {
  return [...new Set(rows.map(({ peer }) => peer))];
}

export function ofPeer(rows: readonly Measured[], name: string): readonly Measured[] {
  return rows.filter(({ peer }) => peer === name);
}

export function stepsOf(
  rows: readonly Measured[],
  peer: string,
  kind: Kind,
  concurrency: number,
): readonly Loaded[] {
  return ofPeer(rows, peer).flatMap(({ steps }) =>
    steps.filter(({ step }) => step.kind === kind && step.concurrency === concurrency),
  );
}

export function largest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

export function smallest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
