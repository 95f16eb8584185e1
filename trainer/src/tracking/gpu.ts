/** What nvidia-smi says of the GPUs, under the keys of MLflow's own system metrics. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** @returns standard output; throws where the command is missing or fails */
export type CommandRunner = (
  command: string,
  args: readonly string[],
  signal: AbortSignal,
) => Promise<string>;

const QUERY = [
  'index',
  'utilization.gpu',
  'memory.used',
  'memory.total',
  'power.draw',
  'power.limit',
] as const;
const ARGS = [`--query-gpu=${QUERY.join(',')}`, '--format=csv,noheader,nounits'];
// A driver that hangs must not pile up processes.
const TIMEOUT_MS = 5_000;
const MIB_IN_MB = 2 ** 20 / 1e6;

/** @throws where there is no nvidia-smi, or it fails */
export async function gpuFigures(run: CommandRunner, signal: AbortSignal): Promise<Record<string, number>> {
  const late = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  return parseGpus(await run('nvidia-smi', ARGS, late));
}

/** A value that a GPU does not tell, such as `[N/A]`, is left out. */
export function parseGpus(csv: string): Record<string, number> {
  const figures: [string, number][] = [];
  for (const line of csv.trim().split('\n')) {
    const [index, load, used, total, watts, limit] = line.split(',').map((cell) => numberOf(cell));
    if (index === undefined || !Number.isInteger(index)) continue;
    const gpu = `system/gpu_${index}`;
    figures.push(
      [`${gpu}_utilization_percentage`, load ?? Number.NaN],
      [`${gpu}_memory_usage_megabytes`, (used ?? Number.NaN) * MIB_IN_MB],
      [`${gpu}_memory_usage_percentage`, ratio(used, total)],
      [`${gpu}_power_usage_watts`, watts ?? Number.NaN],
      [`${gpu}_power_usage_percentage`, ratio(watts, limit)],
    );
  }
  return Object.fromEntries(figures.filter(([, value]) => Number.isFinite(value)));
}

function ratio(part = Number.NaN, whole = Number.NaN): number {
  return (100 * part) / whole;
}

function numberOf(cell: string): number | undefined {
  const text = cell.trim();
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

export const runCommand: CommandRunner = async (command, args, signal) => {
  return (await promisify(execFile)(command, [...args], { signal, killSignal: 'SIGKILL' })).stdout;
};
