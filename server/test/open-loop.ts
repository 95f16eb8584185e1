/** Clients that come at their own pace, whether others are answered or not, and leave when their patience ends. */
import { Agent, type IncomingMessage, request } from 'node:http';

export interface OpenLoop {
  readonly url: string;
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly perSecond: number;
  /** Ends the coming; those that came are waited for. */
  readonly until: AbortSignal;
  /** After which a client closes its connection. */
  readonly patienceMs: number;
  /** A connection for each request, as of clients that do not know each other; else they are kept and shared. */
  readonly keepAlive?: boolean;
  /** In [0, 1). */
  readonly random: () => number;
  /** Each answer, as it comes. */
  readonly onAnswer?: (answer: Answered) => void;
}

export interface Answered {
  readonly status: number;
  /** Of a problem body. */
  readonly code: string | undefined;
  readonly ms: number;
  readonly headers: IncomingMessage['headers'];
}

export interface LoopResult {
  readonly sent: number;
  readonly seconds: number;
  readonly answers: readonly Answered[];
  /** Clients whose patience ended. */
  readonly left: number;
  /** Code of the socket's error → how often: ECONNREFUSED was never let in, ECONNRESET was lost. */
  readonly failures: Readonly<Record<string, number>>;
}

export async function openLoop(options: OpenLoop): Promise<LoopResult> {
  const { perSecond, until, random, keepAlive = true, onAnswer } = options;
  const agent = new Agent({ keepAlive, maxSockets: Infinity });
  const answers: Answered[] = [];
  const failures: Record<string, number> = {};
  let left = 0;
  const asked: Promise<void>[] = [];
  const startedAt = performance.now();
  let dueAt = startedAt;
  while (!until.aborted) {
    // Poisson: gaps are exponential, so that several come at once, as in life.
    dueAt += (-Math.log(1 - random()) * 1_000) / perSecond;
    await pause(dueAt - performance.now(), until);
    if (until.aborted) break;
    const one = async (): Promise<void> => {
      try {
        const answer = await ask(options, agent);
        answers.push(answer);
        onAnswer?.(answer);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        const code = 'code' in error ? String(error.code) : error.name;
        if (error.name === 'AbortError') left += 1;
        else failures[code] = (failures[code] ?? 0) + 1;
      }
    };
    asked.push(one());
  }
  await Promise.all(asked);
  agent.destroy();
  const seconds = (performance.now() - startedAt) / 1_000;
  return { sent: asked.length, seconds, answers, left, failures };
}

async function ask({ url, body, headers, patienceMs }: OpenLoop, agent: Agent): Promise<Answered> {
  const startedAt = performance.now();
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), patienceMs);
  try {
    return await new Promise<Answered>((resolve, reject) => {
      const init = { method: 'POST', agent, signal: patience.signal };
      const sent = request(url, { ...init, headers: { 'content-length': body.byteLength, ...headers } });
      sent.once('error', reject);
      sent.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const { statusCode = 0, headers: answered } = response;
          const ms = performance.now() - startedAt;
          resolve({ status: statusCode, code: codeOf(Buffer.concat(chunks)), ms, headers: answered });
        });
      });
      sent.end(body);
    });
  } finally {
    clearTimeout(timer);
  }
}

function codeOf(body: Buffer): string | undefined {
  return /"code":"([A-Z_]+)"/.exec(body.toString())?.[1];
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
