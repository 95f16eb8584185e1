/** A server's processes, children and daemons included: found by a variable of their environment. Linux only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { openSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const TAG = 'HILUM_BENCH_TAG';
// sysconf(_SC_CLK_TCK) and the page size of every Linux on x86-64 and arm64 that we know.
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
const SAMPLE_MS = 100;
// The kernel walks all pages for it.
const PSS_EVERY = 10;

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Where its output goes. */
  readonly log: string;
}

export class ServerProcesses {
  readonly #child: ChildProcess;
  readonly #tag: string;
  #watching: Promise<void> = Promise.resolve();
  #stopWatching = false;
  #peakBytes = 0;
  #peakPssBytes = 0;

  constructor({ command, args, env, cwd, log }: Program) {
    this.#tag = randomUUID();
    const out = openSync(log, 'a');
    this.#child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env, [TAG]: this.#tag },
      stdio: ['ignore', out, out],
      detached: true,
    });
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** User and system time of all of them so far, seconds. */
  async cpuSeconds(): Promise<number> {
    let ticks = 0;
    for (const pid of await this.pids()) {
      const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
      // utime, stime and those of children that ended; the name before may hold spaces and brackets.
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 15);
      ticks += fields.reduce((sum, field) => sum + Number(field), 0);
    }
    return ticks / TICKS_PER_SECOND;
  }

  async rssBytes(): Promise<number> {
    return rssOf(await this.pids());
  }

  /** Samples the sums of their resident and of their proportional sets until `peaks`. */
  watchPeak(): void {
    this.#stopWatching = false;
    this.#peakBytes = 0;
    this.#peakPssBytes = 0;
    this.#watching = (async () => {
      let pids = await this.pids();
      for (let round = 1; !this.#stopWatching; round += 1) {
        if (round % 20 === 0) pids = await this.pids();
        if (round % PSS_EVERY === 0) this.#peakPssBytes = Math.max(this.#peakPssBytes, await pssOf(pids));
        this.#peakBytes = Math.max(this.#peakBytes, await rssOf(pids));
        await sleep(SAMPLE_MS);
      }
    })();
  }

  /** What is mapped twice counts twice in the resident set, and once in the proportional one. */
  async peaks(): Promise<{ readonly rssBytes: number; readonly pssBytes: number }> {
    this.#stopWatching = true;
    await this.#watching;
    const pssBytes = Math.max(this.#peakPssBytes, await pssOf(await this.pids()));
    return { rssBytes: this.#peakBytes, pssBytes };
  }

  async pids(): Promise<readonly number[]> {
    const found: number[] = [];
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const environment = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
      if (environment.includes(`${TAG}=${this.#tag}`)) found.push(Number(name));
    }
    return found;
  }

  /** Asks them to end, and ends those that do not. */
  async stop(): Promise<void> {
    this.#stopWatching = true;
    this.#child.kill('SIGTERM');
    for (let waited = 0; waited < 6_000 && (await this.pids()).length > 0; waited += 200) await sleep(200);
    for (const pid of await this.pids()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it ended meanwhile
      }
    }
    for (let waited = 0; waited < 3_000 && (await this.pids()).length > 0; waited += 200) await sleep(200);
  }
}

async function pssOf(pids: readonly number[]): Promise<number> {
  let kibibytes = 0;
  for (const pid of pids) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1').catch(() => '');
    kibibytes += Number(/^Pss: +(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return kibibytes * 1024;
}

async function rssOf(pids: readonly number[]): Promise<number> {
  let pages = 0;
  for (const pid of pids) {
    const statm = await readFile(`/proc/${pid}/statm`, 'latin1').catch(() => '0 0');
    pages += Number(statm.split(' ')[1]);
  }
  return pages * PAGE_BYTES;
}
