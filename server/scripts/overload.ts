/**
 * A server of its own under more clients than it can answer; docs/pressure.md shows what comes out.
 *
 *     node server/scripts/overload.ts PACKAGE IMAGE [--times 3] [--seconds 30] [--patience-ms 5000] [--silent]
 *
 * Clients come at their own pace (Poisson) and leave when their patience ends. They say how long they wait, unless
 * `--silent`. HILUM_… variables are the server's.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { openLoop } from '../test/open-loop.ts';
import { spawnServer } from '../test/process.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '30' },
    'patience-ms': { type: 'string', default: '5000' },
    silent: { type: 'boolean', default: false },
  },
});
const [packageDir, image] = positionals;
if (packageDir === undefined || image === undefined) throw new Error('a package and an image are missing');

const body = new Uint8Array(await readFile(image));
const settings = Object.entries(process.env).filter(([name]) => name.startsWith('HILUM_'));
const server = await spawnServer({
  ...(Object.fromEntries(settings) as Record<string, string>),
  HILUM_MODEL_URI: packageDir,
});
try {
  const url = `${server.url}/v1/classify`;
  const seconds = Number(values.seconds);
  const patienceMs = Number(values['patience-ms']);
  const before = await capacity(url);
  const computedBefore = await computed();
  const load = await openLoop({
    url,
    body,
    headers: values.silent ? {} : { 'x-request-timeout-ms': String(patienceMs) },
    perSecond: before * Number(values.times),
    until: AbortSignal.timeout(seconds * 1_000),
    patienceMs,
    random: Math.random,
  });
  const images = (await computed()) - computedBefore;
  const after = await capacity(url);
  const times = load.answers
    .filter(({ status }) => status === 200)
    .map(({ ms }) => ms)
    .toSorted((a, b) => a - b);
  // The machine may have been busier or quieter meanwhile: what was possible is the mean of before and after.
  const possible = ((before + after) / 2) * seconds;
  const row = {
    'asked per second': (load.sent / seconds).toFixed(1),
    'possible per second, before and after': `${before.toFixed(1)}, ${after.toFixed(1)}`,
    'answered in time': times.length,
    'of what was possible': `${((100 * times.length) / possible).toFixed(0)} %`,
    refused: load.answers.length - times.length,
    'left without an answer': load.left,
    'computed for nobody': images - times.length,
    'failed connections': JSON.stringify(load.failures),
    'median, slowest of 100 (ms)': `${at(times, 0.5)}, ${at(times, 0.99)}`,
    'resident (MiB)': Math.round((await server.residentBytes()) / 2 ** 20),
  };
  for (const [name, value] of Object.entries(row)) process.stdout.write(`${name.padEnd(40)}${value}\n`);
} finally {
  server.child.kill('SIGTERM');
  await server.ended;
}

/** Answers a second with four clients that always ask again. */
async function capacity(url: string): Promise<number> {
  const startedAt = performance.now();
  let answered = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - startedAt < 8_000) {
      const response = await fetch(url, { method: 'POST', body });
      await response.arrayBuffer();
      if (response.status === 200) answered += 1;
    }
  };
  await Promise.all(Array.from({ length: 4 }, client));
  return (answered * 1_000) / (performance.now() - startedAt);
}

/** Images that the engine was given so far. */
async function computed(): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^hilum_batch_images_sum (\S+)$/m.exec(text)?.[1] ?? 0);
}

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(0);
}
