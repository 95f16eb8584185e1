import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { Point } from './entry.ts';
import { parseGpus, type CommandRunner } from './gpu.ts';
import { SystemMetrics } from './system-metrics.ts';

/** What nvidia-smi prints for the fields that we ask for: two GPUs, the second of which tells no power. */
const TWO_GPUS = '0, 37, 1024, 81559, 120.50, 700.00\n1, 0, 0, 81559, [N/A], [N/A]\n';
const START = 1_700_000_000_000;

interface Watched {
  readonly system: SystemMetrics;
  readonly points: Point[];
}

function watched(log?: (points: readonly Point[]) => Promise<void>, signal?: AbortSignal): Watched {
  const points: Point[] = [];
  let seconds = 0;
  const system = new SystemMetrics({
    now: () => START + 10_000 * (seconds += 1),
    startTimeMs: START,
    signal,
    log: log ?? (async (more) => void points.push(...more)),
  });
  return { system, points };
}

const gpus: CommandRunner = () => Promise.resolve(TWO_GPUS);
const missing = (asked: string[]): CommandRunner => {
  return (command) => {
    asked.push(command);
    return Promise.reject(new Error('spawn nvidia-smi ENOENT'));
  };
};

describe('the load of the machine', () => {
  it('is told under the keys of MLflow, each figure once a step', async () => {
    const { system, points } = watched();
    system.start({ everyMs: 10, command: gpus });
    await vi.waitFor(() => expect(new Set(points.map(({ step }) => step)).size).toBeGreaterThan(2));
    await system.stop();
    const keys = new Set(points.map(({ key }) => key));
    for (const key of [
      'system/cpu_utilization_percentage',
      'system/system_memory_usage_megabytes',
      'system/system_memory_usage_percentage',
      'system/process_memory_usage_megabytes',
      'system/disk_usage_percentage',
      'system/disk_available_megabytes',
      'system/gpu_1_utilization_percentage',
    ])
      expect(keys).toContain(key);
    const cpu = points.filter(({ key }) => key === 'system/cpu_utilization_percentage');
    expect(new Set(cpu.map(({ timestampMs }) => timestampMs)).size).toBe(cpu.length);
    for (const { key, value } of points) {
      if (!key.endsWith('_percentage')) continue;
      expect(value, key).toBeGreaterThanOrEqual(0);
      expect(value, key).toBeLessThanOrEqual(100);
    }
    const rss = points.find(({ key }) => key === 'system/process_memory_usage_megabytes')?.value ?? 0;
    expect(rss * 1e6).toBeGreaterThan(process.memoryUsage().heapUsed / 2);
  });

  it('is of GPUs what nvidia-smi says, in megabytes, without what it does not say', () => {
    expect(parseGpus(TWO_GPUS)).toEqual({
      'system/gpu_0_utilization_percentage': 37,
      'system/gpu_0_memory_usage_megabytes': 1073.741824,
      'system/gpu_0_memory_usage_percentage': (100 * 1024) / 81559,
      'system/gpu_0_power_usage_watts': 120.5,
      'system/gpu_0_power_usage_percentage': (100 * 120.5) / 700,
      'system/gpu_1_utilization_percentage': 0,
      'system/gpu_1_memory_usage_megabytes': 0,
      'system/gpu_1_memory_usage_percentage': 0,
    });
    expect(parseGpus('No devices were found')).toEqual({});
  });

  it('is told without GPUs where there is no nvidia-smi, which is asked for once', async () => {
    const asked: string[] = [];
    const { system, points } = watched();
    system.start({ everyMs: 5, command: missing(asked) });
    await vi.waitFor(() => expect(new Set(points.map(({ step }) => step)).size).toBeGreaterThan(2));
    await system.stop();
    expect(asked).toEqual(['nvidia-smi']);
    expect(points.some(({ key }) => key.includes('gpu'))).toBe(false);
  });

  it('ends by itself, and throws nothing, where it can no longer be told', async () => {
    let tries = 0;
    const { system } = watched(() => Promise.reject(new Error(`full ${(tries += 1)}`)));
    system.start({ everyMs: 1, command: gpus });
    await vi.waitFor(() => expect(tries).toBe(1));
    await sleep(20);
    expect(tries).toBe(1);
    await system.stop();
  });

  it('is told no more after stop, nor after the signal of the run', async () => {
    const stop = new AbortController();
    const { system, points } = watched(undefined, stop.signal);
    system.start({ everyMs: 1, command: gpus });
    await vi.waitFor(() => expect(points.length).toBeGreaterThan(0));
    stop.abort();
    await system.stop();
    const told = points.length;
    await sleep(20);
    expect(points).toHaveLength(told);
  });
});
