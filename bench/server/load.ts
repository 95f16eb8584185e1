/** Load on one server, and whether its answers are right. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Asked, Dialect } from './requests.ts';

export interface Target {
  readonly port: number;
  readonly dialect: Dialect;
  /** For each of the dialect's requests. */
  readonly expected: readonly number[];
  readonly tolerance: number;
  /** After which the client leaves. */
  readonly timeoutMs: number;
}

export interface LoadResult {
  /** Right answers in time, by their latency, sorted, seconds. */
  readonly latencies: readonly number[];
  /** Status or name of an error → how often. */
  readonly failures: Readonly<Record<string, number>>;
  readonly worstDifference: number;
  readonly wallSeconds: number;
  /** From the first request to the last right answer, seconds. */
  readonly answeringSeconds: number;
}

/** `concurrency` clients, each asking again as soon as it has its answer, `count` requests in all. */
export async function closedLoop(target: Target, concurrency: number, count: number): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const tally = new Tally(target);
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < count) await tally.ask(agent, next++);
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  agent.destroy();
  return tally.result();
}

/** A request every `1 / perSecond` seconds whatever becomes of those before, for `seconds`. */
export async function openLoop(target: Target, perSecond: number, seconds: number): Promise<LoadResult> {
  // A client of its own for each: they do not queue behind each other.
  const agent = new Agent({ keepAlive: false, maxSockets: Infinity });
  const tally = new Tally(target);
  const asked: Promise<void>[] = [];
  const from = performance.now();
  for (let index = 0; index < perSecond * seconds; index += 1) {
    const dueIn = from + (index / perSecond) * 1000 - performance.now();
    if (dueIn > 0) await sleep(dueIn);
    asked.push(tally.ask(agent, index));
  }
  await Promise.all(asked);
  agent.destroy();
  return tally.result();
}

/** One request; undefined where the answer is right, else what is wrong. */
export async function askOnce(target: Target, index = 0): Promise<string | undefined> {
  const agent = new Agent({ keepAlive: false });
  const tally = new Tally(target);
  await tally.ask(agent, index);
  agent.destroy();
  return Object.keys(tally.result().failures)[0];
}

class Tally {
  readonly #target: Target;
  readonly #latencies: number[] = [];
  readonly #failures: Record<string, number> = {};
  readonly #startedAt = performance.now();
  #lastAt = this.#startedAt;
  #worst = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  async ask(agent: Agent, index: number): Promise<void> {
    const { dialect, expected, tolerance, port, timeoutMs } = this.#target;
    const which = index % dialect.asked.length;
    const startedAt = performance.now();
    try {
      const { status, text } = await post(agent, port, dialect.asked[which] as Asked, timeoutMs);
      if (status !== 200) return this.#fail(String(status));
      const difference = Math.abs(Number(dialect.read(JSON.parse(text))) - (expected[which] ?? Number.NaN));
      // NaN is within nothing.
      if (!(difference <= tolerance)) return this.#fail(`wrong by ${difference}`);
      this.#worst = Math.max(this.#worst, difference);
      this.#lastAt = performance.now();
      this.#latencies.push((this.#lastAt - startedAt) / 1000);
    } catch (error) {
      this.#fail(error instanceof Error && 'code' in error ? String(error.code) : String(error));
    }
  }

  #fail(what: string): void {
    this.#failures[what] = (this.#failures[what] ?? 0) + 1;
  }

  result(): LoadResult {
    return {
      latencies: this.#latencies.toSorted((a, b) => a - b),
      failures: this.#failures,
      worstDifference: this.#worst,
      wallSeconds: (performance.now() - this.#startedAt) / 1000,
      answeringSeconds: (this.#lastAt - this.#startedAt) / 1000,
    };
  }
}

async function post(
  agent: Agent,
  port: number,
  { path, headers, body }: Asked,
  timeoutMs: number,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const all = { ...headers, 'content-length': body.length };
    const options = { host: '127.0.0.1', port, path, method: 'POST', headers: all, agent, signal };
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
