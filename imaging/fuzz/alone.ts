import { setTimeout as delay } from 'node:timers/promises';
import { Lane } from './lane.ts';
import type { Death, LaneOptions } from './lane.ts';
import { CASE_MAX_MS, RSS_MAX_BYTES } from './limits.ts';
import type { Finding } from './notes.ts';
import type { Done } from './talk.ts';

// A case that is ended by its deadline takes a moment more; beyond this it will not end.
const HANG_MS = 15_000;
const AFTERMATH_MS = 100;
const TRIES = 3;
// Beyond this even a machine that does other things has given the case its time.
const SURELY_SLOW_MS = 10_000;

export type Verdict = { readonly findings: readonly Finding[]; readonly done: Done | undefined };

/**
 * One case in a process of its own, up to three times. Late is a case that took over two seconds each time, and that
 * did not spend them waiting for a processor: its process used as much CPU time, or it took over ten.
 */
export async function runAlone(options: LaneOptions, index: number): Promise<Verdict> {
  const tries: Done[] = [];
  for (let left = TRIES; left > 0; left -= 1) {
    const { done, death, printed, rssPeakBytes } = await once(options, index);
    if (death !== undefined)
      return { findings: [{ kind: death.reason, call: 'process', text: death.text }], done };
    if (done === undefined) throw new Error('a case ended without an answer');
    tries.push(done);
    const findings = [...done.findings];
    if (printed !== '') findings.push({ kind: 'OUTPUT', call: 'process', text: printed.slice(0, 500) });
    const rss = Math.max(rssPeakBytes, done.rssPeakBytes);
    if (rss > RSS_MAX_BYTES)
      findings.push({
        kind: 'MEMORY',
        call: 'process',
        text: `the process held ${Math.round(rss / 2 ** 20)} MiB`,
      });
    if (findings.length > 0) return { findings, done };
    if (!late(done)) return { findings: [], done };
  }
  const text = tries
    .map(
      ({ slowest: { call, wallMs, cpuMs } }) =>
        `${call} ${Math.round(wallMs)} ms (CPU ${Math.round(cpuMs)} ms)`,
    )
    .join(', ');
  return { findings: [{ kind: 'SLOW', call: 'process', text: `took ${text}` }], done: tries.at(-1) };
}

function late({ slowest: { wallMs, cpuMs } }: Done): boolean {
  return wallMs > SURELY_SLOW_MS || (wallMs > CASE_MAX_MS && cpuMs > CASE_MAX_MS);
}

async function once(options: LaneOptions, index: number) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let done: Done | undefined;
  let death: Death | undefined;
  const lane = new Lane(
    options,
    HANG_MS,
    (told) => {
      done = told;
      resolve();
    },
    (told) => {
      death = told;
      resolve();
    },
  );
  await lane.ready();
  lane.run(index);
  await promise;
  // A rejection that nobody awaited, or a line printed late, shows itself now.
  await delay(AFTERMATH_MS);
  const inPeace = await lane.end();
  if (!inPeace) death ??= { reason: 'CRASH', text: `did not end in peace: ${lane.printed}` };
  return { done, death, printed: lane.printed, rssPeakBytes: lane.rssPeakBytes };
}
