import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { RSS_KILLED_BYTES } from './limits.ts';
import { reportSchema } from './talk.ts';
import type { Done, Order } from './talk.ts';

export type LaneOptions = {
  readonly seed: number;
  /** A glob over the names of the corpus. */
  readonly only: string;
  /** The folder of real files; it may be absent. */
  readonly data: string;
  /** A program that behaves as no decoder should, to see that it is caught. */
  readonly child?: URL;
  /** Instead of each place's own patience with a case that does not answer. */
  readonly hangMs?: number;
};
/** Why a process ended that was not told to. */
export type Death = { readonly reason: 'CRASH' | 'HANG' | 'MEMORY'; readonly text: string };

const START_TIMEOUT_MS = 120_000;
const WATCH_MS = 100;
// The heap of the process itself; pixels lie outside of it.
const HEAP_MAX_MB = 512;
const ENDED_KEPT = 8;
const PAGE_BYTES = 4096;

/**
 * One decoding process, watched from outside: what it prints, how much memory it holds, how long a case is open. It
 * runs the cases it is given at the same time.
 */
export class Lane {
  readonly open = new Map<number, number>();
  /** The cases that ended last: what they left behind may end the process later. */
  readonly ended: number[] = [];
  /** What was printed while the open cases ran. */
  printed = '';
  rssPeakBytes = 0;
  digest = '';
  seeds = 0;
  real = 0;
  private readonly child: ChildProcess;
  private readonly onDone: (done: Done) => void;
  private readonly onDeath: (death: Death) => void;
  private readonly hangMs: number;
  private killed: Death | undefined;
  private ending = false;

  constructor(
    options: LaneOptions,
    hangMs: number,
    onDone: (done: Done) => void,
    onDeath: (death: Death) => void,
  ) {
    this.onDone = onDone;
    this.onDeath = onDeath;
    this.hangMs = options.hangMs ?? hangMs;
    this.child = fork(
      options.child ?? new URL('child.ts', import.meta.url),
      [String(options.seed), options.only, options.data],
      {
        execArgv: [`--max-old-space-size=${HEAP_MAX_MB}`],
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    );
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (text: Buffer) => {
        this.printed = (this.printed + text.toString('latin1')).slice(0, 4000);
      });
    }
  }

  async ready(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error('a fuzzing process did not start')), START_TIMEOUT_MS);
    const watch = setInterval(() => this.watch(), WATCH_MS);
    this.child.on('message', (message) => {
      const report = reportSchema.parse(message);
      if (report.kind === 'ready') {
        this.digest = report.digest;
        this.seeds = report.seeds;
        this.real = report.real;
        resolve();
        return;
      }
      this.open.delete(report.index);
      this.ended.push(report.index);
      if (this.ended.length > ENDED_KEPT) this.ended.shift();
      this.onDone(report);
    });
    this.child.once('close', (code, signal) => {
      clearInterval(watch);
      reject(new Error(`a fuzzing process ended while it started: ${this.printed}`));
      if (this.ending) return;
      this.onDeath(this.killed ?? { reason: 'CRASH', text: `ended with ${code ?? signal}: ${this.printed}` });
    });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  run(index: number): void {
    this.open.set(index, performance.now());
    this.tell({ kind: 'case', index });
  }

  /** Lets it close its decoders and leave; false when it did not leave in peace. */
  async end(): Promise<boolean> {
    this.ending = true;
    if (this.child.exitCode !== null || this.child.signalCode !== null) return false;
    const ended = new Promise((resolve) => {
      this.child.once('close', resolve);
    });
    if (this.child.connected) this.tell({ kind: 'end' });
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 3000);
    await ended;
    clearTimeout(timer);
    return this.child.exitCode === 0;
  }

  private tell(order: Order): void {
    // A child that is gone is reported when its streams close.
    this.child.send(order, () => {});
  }

  private watch(): void {
    const rss = residentBytes(this.child.pid);
    this.rssPeakBytes = Math.max(this.rssPeakBytes, rss);
    const oldest = Math.min(...this.open.values());
    if (rss > RSS_KILLED_BYTES) this.kill('MEMORY', `the process held ${Math.round(rss / 2 ** 20)} MiB`);
    else if (performance.now() - oldest > this.hangMs) this.kill('HANG', `no answer in ${this.hangMs} ms`);
  }

  private kill(reason: Death['reason'], text: string): void {
    this.killed ??= { reason, text };
    this.child.kill('SIGKILL');
  }
}

/** Only Linux says so in a file; elsewhere the child's own peak, told with each case, has to do. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
