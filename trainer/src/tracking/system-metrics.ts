/** Load of the machine during a run, as MLflow's `System metrics` tab shows it; never in the way of the training. */
import { readFile, statfs } from 'node:fs/promises';
import { cpus, freemem, totalmem } from 'node:os';
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Point } from './entry.ts';
import { gpuFigures, runCommand, type CommandRunner } from './gpu.ts';

export interface SystemMetricsOptions {
  readonly now: () => number;
  /** Of the run: a step is an interval since then, so that a resumed run goes on. */
  readonly startTimeMs: number;
  readonly signal: AbortSignal | undefined;
  readonly log: (points: readonly Point[]) => Promise<void>;
}

export interface SystemStart {
  /** Default 10 s. */
  readonly everyMs?: number;
  /** The disk that this folder is on is looked at; default the working folder. */
  readonly disk?: string;
  /** Runs nvidia-smi. */
  readonly command?: CommandRunner;
}

const DEFAULT_EVERY_MS = 10_000;

export class SystemMetrics {
  readonly #options: SystemMetricsOptions;
  #stop: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: SystemMetricsOptions) {
    this.#options = options;
  }

  /** Also stops by the signal of the run. A machine without nvidia-smi has no figures of GPUs, and nobody is told. */
  start({ everyMs = DEFAULT_EVERY_MS, disk = '.', command = runCommand }: SystemStart = {}): void {
    if (this.#stop !== undefined) return;
    this.#stop = new AbortController();
    const own = this.#stop.signal;
    const signal = this.#options.signal === undefined ? own : AbortSignal.any([own, this.#options.signal]);
    // What a figure cannot be had for, or where it cannot be told, is not the training's concern.
    this.#loop = this.#run({ everyMs, disk, command, signal }).catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stop?.abort();
    await this.#loop;
    this.#stop = undefined;
  }

  async #run({
    everyMs,
    disk,
    command,
    signal,
  }: Required<SystemStart> & { signal: AbortSignal }): Promise<void> {
    const { now, startTimeMs, log } = this.#options;
    let before = await readings();
    const atStart = before;
    let hasGpus = true;
    for (;;) {
      await sleepFor(everyMs, undefined, { signal, ref: false });
      const current = await readings();
      const gpus: Record<string, number> | undefined = hasGpus
        ? await gpuFigures(command, signal).catch(() => undefined)
        : undefined;
      // Not asked again: a machine without GPUs does not get one.
      hasGpus = gpus !== undefined;
      const figures = {
        ...cpuFigures(before, current),
        ...memoryFigures(current),
        ...(await diskFigures(disk)),
      };
      before = current;
      const timestampMs = now();
      const step = Math.round((timestampMs - startTimeMs) / everyMs);
      const all = Object.entries({ ...figures, ...networkFigures(atStart, current), ...gpus });
      await log(all.map(([key, value]) => ({ key, value, step, timestampMs })));
    }
  }
}

interface Readings {
  readonly busy: number;
  readonly ticks: number;
  /** Undefined where the kernel does not say. */
  readonly received: number | undefined;
  readonly sent: number | undefined;
  readonly container: number | undefined;
}

async function readings(): Promise<Readings> {
  const times = cpus().map(({ times: { user, nice, sys, irq, idle } }) => ({
    busy: user + nice + sys + irq,
    idle,
  }));
  const busy = times.reduce((sum, time) => sum + time.busy, 0);
  const [net, memory] = await Promise.all(
    ['/proc/net/dev', '/sys/fs/cgroup/memory.current'].map((path) =>
      readFile(path, 'utf8').catch(() => undefined),
    ),
  );
  return {
    busy,
    ticks: times.reduce((sum, time) => sum + time.idle, busy),
    ...traffic(net),
    container: memory === undefined ? undefined : Number(memory),
  };
}

/** Bytes over all interfaces but the loopback. */
function traffic(text: string | undefined): Pick<Readings, 'received' | 'sent'> {
  if (text === undefined) return { received: undefined, sent: undefined };
  let received = 0;
  let sent = 0;
  for (const line of text.split('\n')) {
    const [name = '', columns = ''] = line.trim().split(':');
    const numbers = columns.trim().split(/\s+/).map(Number);
    if (name === 'lo' || numbers.length < 16) continue;
    received += numbers[0] ?? 0;
    sent += numbers[8] ?? 0;
  }
  return { received, sent };
}

function cpuFigures(before: Readings, now: Readings): Record<string, number> {
  const ticks = now.ticks - before.ticks;
  return ticks <= 0 ? {} : { 'system/cpu_utilization_percentage': (100 * (now.busy - before.busy)) / ticks };
}

/** Of the machine, as MLflow means it; of the container, where it has a limit of its own; and of this process. */
function memoryFigures({ container }: Readings): Record<string, number> {
  const used = totalmem() - freemem();
  return {
    'system/system_memory_usage_megabytes': used / 1e6,
    'system/system_memory_usage_percentage': (100 * used) / totalmem(),
    'system/process_memory_usage_megabytes': process.memoryUsage.rss() / 1e6,
    ...(container === undefined ? {} : { 'system/container_memory_usage_megabytes': container / 1e6 }),
  };
}

async function diskFigures(folder: string): Promise<Record<string, number>> {
  const disk = await statfs(folder).catch(() => undefined);
  if (disk === undefined) return {};
  const used = (disk.blocks - disk.bfree) * disk.bsize;
  const free = disk.bavail * disk.bsize;
  return {
    'system/disk_usage_megabytes': used / 1e6,
    'system/disk_usage_percentage': (100 * used) / (used + free),
    'system/disk_available_megabytes': free / 1e6,
  };
}

function networkFigures(atStart: Readings, now: Readings): Record<string, number> {
  if (now.received === undefined || now.sent === undefined) return {};
  return {
    'system/network_receive_megabytes': (now.received - (atStart.received ?? 0)) / 1e6,
    'system/network_transmit_megabytes': (now.sent - (atStart.sent ?? 0)) / 1e6,
  };
}
