/** One server: started, asked, loaded, overloaded, ended. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LoadResult, type Target, askOnce, closedLoop, openLoop } from './load.ts';
import type { Peer, Place } from './peers.ts';
import { ServerProcesses } from './processes.ts';
import type { Dialect, Kind } from './requests.ts';

export interface Step {
  readonly kind: Kind;
  readonly concurrency: number;
  readonly requests: number;
}

interface Overload {
  readonly perSecond: number;
  readonly seconds: number;
  readonly deadlineMs: number;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** With PNGs, after the steps. */
  readonly overload?: Overload;
  readonly expected: (kind: Kind) => readonly number[];
  readonly tolerance: number;
}

export interface Loaded extends LoadResult {
  readonly cpuSeconds: number;
  /** Resident, and proportional: what is mapped twice counts once. */
  readonly peakMiB: number;
  readonly peakPssMiB: number;
}

export interface Measured {
  readonly peer: string;
  /** From the start of the process to its first right answer, seconds. */
  readonly startSeconds: number;
  readonly idleMiB: number;
  readonly idleCpuPercent: number;
  readonly processes: number;
  readonly steps: readonly (Loaded & { readonly step: Step })[];
  readonly overload: (Loaded & { readonly asked: Overload }) | undefined;
}

const START_TIMEOUT_MS = 90_000;
const ANSWER_TIMEOUT_MS = 60_000;
const IDLE_MS = 2_000;

/** Throws where the server does not start or answers wrongly. */
export async function measure(peer: Peer, place: Place, plan: Plan): Promise<Measured> {
  const startedAt = performance.now();
  const server = new ServerProcesses(await peer.program(place));
  const target = (kind: Kind, dialect: Dialect, timeoutMs = ANSWER_TIMEOUT_MS): Target => ({
    port: place.port,
    dialect,
    expected: plan.expected(kind),
    tolerance: plan.tolerance,
    timeoutMs,
  });
  try {
    const kinds = Object.entries(peer.dialects) as [Kind, Dialect][];
    await firstAnswer(server, kinds.map(([kind, dialect]) => target(kind, dialect))[0], place.log);
    const startSeconds = (performance.now() - startedAt) / 1000;
    // One of each, not measured.
    for (const [kind, dialect] of kinds) {
      const wrong = await askOnce(target(kind, dialect), 1);
      if (wrong !== undefined) throw new Error(`${peer.name} answers ${kind} with ${wrong}`);
    }
    await sleep(1_000);
    const idleFrom = await server.cpuSeconds();
    await sleep(IDLE_MS);
    const idleCpuPercent = ((await server.cpuSeconds()) - idleFrom) / (IDLE_MS / 100_000);
    const idleMiB = (await server.rssBytes()) / 2 ** 20;
    const processes = (await server.pids()).length;
    const steps: Measured['steps'][number][] = [];
    for (const step of plan.steps) {
      const dialect = peer.dialects[step.kind];
      if (dialect === undefined) continue;
      const loaded = await underLoad(server, () =>
        closedLoop(target(step.kind, dialect), step.concurrency, step.requests),
      );
      steps.push({ ...loaded, step });
    }
    const { overload: asked } = plan;
    const png = peer.dialects.png;
    const overload =
      asked === undefined || png === undefined
        ? undefined
        : await underLoad(server, () =>
            openLoop(target('png', png, asked.deadlineMs), asked.perSecond, asked.seconds),
          );
    return {
      peer: peer.name,
      startSeconds,
      idleMiB,
      idleCpuPercent,
      processes,
      steps,
      overload: overload === undefined || asked === undefined ? undefined : { ...overload, asked },
    };
  } finally {
    await server.stop();
  }
}

async function underLoad(server: ServerProcesses, load: () => Promise<LoadResult>): Promise<Loaded> {
  const before = await server.cpuSeconds();
  server.watchPeak();
  const result = await load();
  const cpuSeconds = (await server.cpuSeconds()) - before;
  const { rssBytes, pssBytes } = await server.peaks();
  return { ...result, cpuSeconds, peakMiB: rssBytes / 2 ** 20, peakPssMiB: pssBytes / 2 ** 20 };
}

async function firstAnswer(server: ServerProcesses, target: Target | undefined, log: string): Promise<void> {
  if (target === undefined) throw new Error('a server that takes nothing');
  const until = performance.now() + START_TIMEOUT_MS;
  let last: string | undefined;
  while (performance.now() < until) {
    last = await askOnce(target);
    if (last === undefined) return;
    if (server.exitCode !== null) break;
    await sleep(20);
  }
  const said = (await readFile(log, 'utf8').catch(() => '')).slice(-1_500);
  throw new Error(`no right answer (${last ?? 'none'}, exit code ${server.exitCode}): ${said}`);
}
