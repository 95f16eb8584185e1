import { runAlone } from './alone.ts';
import { Lane } from './lane.ts';
import type { Death, LaneOptions } from './lane.ts';
import { CASE_MAX_MS, RSS_MAX_BYTES } from './limits.ts';
import type { Finding, FindingKind } from './notes.ts';
import type { Done } from './talk.ts';

export type FleetOptions = LaneOptions & {
  readonly jobs: number;
  /** Cases `first` to `first + cases - 1`. */
  readonly first: number;
  readonly cases: number;
  /** Ends the run early, when given. */
  readonly seconds?: number | undefined;
  readonly onProgress?: (summary: Summary) => void;
};

export type Found = {
  readonly index: number;
  readonly from: string;
  readonly what: readonly string[];
  readonly findings: readonly Finding[];
};

export type Summary = {
  cases: number;
  elapsedMs: number;
  digest: string;
  seeds: number;
  real: number;
  /** `decodeImage CORRUPT` and how often. */
  outcomes: Map<string, number>;
  found: Found[];
  /** Cases that looked bad beside others, and were well when run alone. */
  cleared: number;
  /** Processes that ended, or were ended. */
  deaths: number;
  rssPeakBytes: number;
  slowestMs: number;
};

// Two decode while the next is made.
const OPEN_MAX = 3;
// Beside other cases on a busy machine; alone it is judged more strictly.
const HANG_MS = 60_000;
const PROGRESS_MS = 10_000;

/**
 * Runs the cases in `jobs` processes. What looks bad there (late, fat, dead, printing) is run again alone before it
 * is called a finding, since two cases at a time share one machine and one process. A process that died and none of
 * whose open cases dies alone is a finding without a case.
 */
export async function runFleet(options: FleetOptions): Promise<Summary> {
  const fleet = new Fleet(options);
  return fleet.run();
}

class Fleet {
  private readonly options: FleetOptions;
  private readonly summary: Summary;
  private readonly suspects = new Set<number>();
  private readonly deaths: { readonly text: string; readonly indexes: readonly number[] }[] = [];
  private readonly started = performance.now();
  private next: number;

  constructor(options: FleetOptions) {
    this.options = options;
    this.next = options.first;
    this.summary = {
      cases: 0,
      elapsedMs: 0,
      digest: '',
      seeds: 0,
      real: 0,
      outcomes: new Map(),
      found: [],
      cleared: 0,
      deaths: 0,
      rssPeakBytes: 0,
      slowestMs: 0,
    };
  }

  async run(): Promise<Summary> {
    const timer = setInterval(() => this.options.onProgress?.(this.current()), PROGRESS_MS);
    try {
      await Promise.all(Array.from({ length: this.options.jobs }, async () => this.serve()));
      await this.review();
    } finally {
      clearInterval(timer);
    }
    return this.current();
  }

  private current(): Summary {
    this.summary.elapsedMs = performance.now() - this.started;
    return this.summary;
  }

  private take(): number | undefined {
    const late =
      this.options.seconds !== undefined && performance.now() - this.started > this.options.seconds * 1000;
    if (late || this.next >= this.options.first + this.options.cases) return undefined;
    this.next += 1;
    return this.next - 1;
  }

  /** One process after another, each until it dies, is too fat to judge others, or there is nothing left. */
  private async serve(): Promise<void> {
    while ((await this.serveOne()) !== 'nothing left');
  }

  private async serveOne(): Promise<'nothing left' | 'next'> {
    const { promise, resolve } = Promise.withResolvers<Death | undefined>();
    let more = true;
    const give = () => {
      while (more && lane.open.size < OPEN_MAX && lane.rssPeakBytes <= RSS_MAX_BYTES) {
        const index = this.take();
        if (index === undefined) more = false;
        else lane.run(index);
      }
      if (lane.open.size === 0) resolve(undefined);
    };
    const onDone = (done: Done) => {
      this.note(done, lane);
      give();
    };
    const lane = new Lane(this.options, HANG_MS, onDone, resolve);
    await lane.ready();
    Object.assign(this.summary, { digest: lane.digest, seeds: lane.seeds, real: lane.real });
    give();
    this.ended(lane, await promise, await lane.end());
    return more ? 'next' : 'nothing left';
  }

  private ended(lane: Lane, death: Death | undefined, inPeace: boolean): void {
    const { printed, open } = lane;
    const indexes = [...lane.ended, ...open.keys()];
    if (printed !== '' || death !== undefined) for (const index of indexes) this.suspects.add(index);
    if (death === undefined && inPeace) return;
    this.summary.deaths += 1;
    this.summary.cases += open.size;
    const text = death === undefined ? `did not end in peace: ${printed}` : `${death.reason}: ${death.text}`;
    this.deaths.push({ text, indexes });
  }

  private note(done: Done, lane: Lane): void {
    this.summary.cases += 1;
    this.summary.rssPeakBytes = Math.max(this.summary.rssPeakBytes, lane.rssPeakBytes);
    this.summary.slowestMs = Math.max(this.summary.slowestMs, done.slowest.wallMs);
    for (const outcome of done.outcomes) {
      this.summary.outcomes.set(outcome, (this.summary.outcomes.get(outcome) ?? 0) + 1);
    }
    if (done.findings.length > 0) {
      this.summary.found.push(foundOf(done.index, done, done.findings));
      return;
    }
    if (done.slowest.wallMs > CASE_MAX_MS) this.suspects.add(done.index);
    // Memory once taken is not given back at once: what comes after is tried in another process.
    if (lane.rssPeakBytes > RSS_MAX_BYTES) {
      for (const index of [done.index, ...lane.open.keys()]) this.suspects.add(index);
    }
    if (lane.printed === '') return;
    for (const index of [...lane.ended, ...lane.open.keys()]) this.suspects.add(index);
    lane.printed = '';
  }

  private async review(): Promise<void> {
    const killers = new Set<number>();
    const known = new Set(this.summary.found.map(({ index }) => index));
    for (const index of this.suspects) {
      const { findings, done } = await runAlone(this.options, index);
      if (findings.some(({ kind }) => KILLING.has(kind))) killers.add(index);
      if (findings.length === 0) this.summary.cleared += 1;
      else if (!known.has(index)) this.summary.found.push(foundOf(index, done, findings));
    }
    for (const { text, indexes } of this.deaths) {
      if (indexes.some((index) => killers.has(index))) continue;
      const told = `${text} (at work: ${indexes.join(', ')}; none does it alone)`;
      this.summary.found.push(
        foundOf(indexes[0] ?? -1, undefined, [{ kind: 'CRASH', call: 'process', text: told }]),
      );
    }
  }
}

const KILLING: ReadonlySet<FindingKind> = new Set(['CRASH', 'HANG', 'MEMORY']);

function foundOf(index: number, done: Done | undefined, findings: readonly Finding[]): Found {
  return { index, from: done?.from ?? '?', what: done?.what ?? [], findings };
}
