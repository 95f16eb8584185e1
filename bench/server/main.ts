/** `npm run bench:server -w bench [-- --write] [-- --quick] [-- --only NAME,NAME]`: see bench/README.md. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from '@hilum/hack';
import { z } from 'zod';
import { noData, slicesDir } from './data.ts';
import { peerVenv } from './environments.ts';
import { type Measured, type Plan, type Step, measure } from './measure.ts';
import { int8Package, nullPackage, ownAnswers, vggPackage } from './models.ts';
import { type Peer, ours, peers } from './peers.ts';
import { rateSvg } from './plot.ts';
import type { BenchResult, Floor } from './figures.ts';
import { shortcomings } from './goals.ts';
import { markdownOf } from './report.ts';
import { type Kind, type Payloads, readPayloads } from './requests.ts';

const SIDE = 224;
const SMALLER = [128, 64] as const;
const PORT = 18_080;
const TOLERANCE = 1e-3;
// Whole numbers are near, not equal: the package's own gate is a mean of 0.05.
const TOLERANCE_INT8 = 0.1;
const OVERLOAD = { factor: 3, seconds: 15, deadlineMs: 5_000 } as const;

const isQuick = process.argv.includes('--quick');
const only = process.argv[process.argv.indexOf('--only') + 1]?.split(',');
const isWanted = ({ name }: Peer): boolean =>
  !process.argv.includes('--only') || only?.includes(name) === true;
const ROUNDS = isQuick ? 1 : 2;
const step = (kind: Kind, concurrency: number, requests: number): Step => ({
  kind,
  concurrency,
  requests: isQuick ? Math.min(requests, 8) : requests,
});
const VGG_STEPS = [step('png', 1, 8), step('png', 16, 48), step('json', 16, 24), step('binary', 16, 48)];
const NULL_STEPS = [step('png', 16, 200), step('json', 16, 60), step('binary', 16, 200)];
const SMALL_STEPS = [step('png', 1, 16), step('png', 16, 160)];

if (noData !== false) fail(noData);
const [loadBefore = 0] = loadavg();
const scratch = await mkdtemp(join(tmpdir(), 'hilum-bench-'));
try {
  const result = await benchAll();
  const out = resolve(import.meta.dirname, '../../out/bench');
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'server.json'), JSON.stringify(result, undefined, 2));
  const markdown = markdownOf(result);
  if (process.argv.includes('--write')) {
    const docs = resolve(import.meta.dirname, '../../docs');
    await writeFile(join(docs, 'bench-server.md'), markdown);
    await writeFile(join(docs, 'bench-server.svg'), await rateSvg(result));
    await run(resolve(import.meta.dirname, '../../node_modules/.bin/oxfmt'), [join(docs, 'bench-server.md')]);
  }
  process.stdout.write(markdown);
  for (const text of shortcomings(result)) say(text);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function benchAll(): Promise<BenchResult> {
  const vgg = join(scratch, 'vgg/bench');
  const nothing = join(scratch, 'null/bench');
  await vggPackage(vgg, SIDE);
  await nullPackage(nothing, SIDE);
  const payloads = await payloadsFor(vgg, join(scratch, 'payloads'));
  const int8 = join(scratch, 'int8/bench');
  await int8Package(int8, SIDE, payloads);

  const floors: Floor[] = [];
  for (const threads of [1, 2]) floors.push(await floor(vgg, threads));
  const candidates = [
    ours('hilum', 'Hilum, float32', payloads, { HILUM_PRECISION: 'float32' }),
    ...peers(payloads),
  ].filter(isWanted);

  say('VGG16 at 224 px');
  const failures: Record<string, string> = {};
  const expected = await answersOf(vgg, payloads);
  const rows = await rounds(candidates, vgg, { steps: VGG_STEPS, expected, tolerance: TOLERANCE }, failures);

  say('overload');
  const overloads: Measured[] = [];
  for (const peer of candidates.filter(
    ({ dialects, name }) => dialects.png !== undefined && !(name in failures),
  )) {
    const perSecond = OVERLOAD.factor * fastestOf(rows);
    const overload = { perSecond, seconds: isQuick ? 3 : OVERLOAD.seconds, deadlineMs: OVERLOAD.deadlineMs };
    overloads.push(
      ...(await attempt(peer, vgg, { steps: [], overload, expected, tolerance: TOLERANCE }, failures)),
    );
  }

  say('a network that costs next to nothing');
  const nullPayloads = await payloadsFor(nothing, join(scratch, 'null-payloads'));
  const nullPeers = [ours('hilum', 'Hilum', nullPayloads), ...peers(nullPayloads)].filter(
    (peer) => isWanted(peer) && peer.name !== 'fastapi-keras' && !(peer.name in failures),
  );
  const nullExpected = await answersOf(nothing, nullPayloads);
  const nullPlan = { steps: NULL_STEPS, expected: nullExpected, tolerance: TOLERANCE };
  const nulls = await rounds(nullPeers, nothing, nullPlan, failures, 1);

  say('int8 and smaller inputs');
  const further: Measured[] = [];
  const int8Peer = ours('hilum-int8', 'Hilum, int8', payloads, { HILUM_PRECISION: 'int8' });
  if (isWanted(int8Peer)) {
    const plan = { steps: VGG_STEPS, expected, tolerance: TOLERANCE_INT8 };
    further.push(...(await attempt(int8Peer, int8, plan, failures)));
  }
  const smallPeers: Peer[] = [];
  for (const side of SMALLER) {
    const small = join(scratch, `${side}/bench`);
    await vggPackage(small, side);
    const own = await ownAnswers(small, side, payloads);
    const { png } = ours('', '', payloads).dialects;
    const peer = {
      ...ours(`hilum-${side}`, `Hilum, ${side} px`, payloads),
      dialects: png === undefined ? {} : { png },
    };
    if (!isWanted(peer)) continue;
    smallPeers.push(peer);
    further.push(
      ...(await attempt(peer, small, { steps: SMALL_STEPS, expected: () => own, tolerance: 1e-4 }, failures)),
    );
  }

  const [after = 0] = loadavg();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      node: process.versions.node,
    },
    load: { before: loadBefore, after },
    floors,
    names: Object.fromEntries([...candidates, int8Peer, ...smallPeers].map(({ name, what }) => [name, what])),
    rows,
    overloads,
    nulls,
    further,
    failures,
  };
}

/** Every peer once a round, forwards and then backwards, so that the machine's moods meet all. */
async function rounds(
  candidates: readonly Peer[],
  model: string,
  plan: Plan,
  failures: Record<string, string>,
  count = ROUNDS,
): Promise<Measured[]> {
  const rows: Measured[] = [];
  for (let round = 0; round < count; round += 1) {
    const order = round % 2 === 0 ? candidates : candidates.toReversed();
    for (const peer of order) rows.push(...(await attempt(peer, model, plan, failures)));
  }
  return rows;
}

/** One measurement, or none and the reason among the failures. */
async function attempt(
  peer: Peer,
  model: string,
  plan: Plan,
  failures: Record<string, string>,
): Promise<readonly Measured[]> {
  say(peer.name);
  const log = join(scratch, `${peer.name}.log`);
  try {
    const own = plan.expected;
    const expected = peer.isOurs ? own : (): readonly number[] => own('json');
    return [await measure(peer, { model, port: PORT, log, scratch }, { ...plan, expected })];
  } catch (error) {
    failures[peer.name] = error instanceof Error ? error.message : String(error);
    say(`${peer.name}: ${failures[peer.name]}`);
    return [];
  }
}

/** Of our server by kind: pictures go through our resize, tensors are those of the peers. */
async function answersOf(model: string, payloads: Payloads): Promise<(kind: Kind) => readonly number[]> {
  const own = await ownAnswers(model, SIDE, payloads);
  return (kind) => (kind === 'png' ? own : payloads.expected);
}

async function payloadsFor(model: string, dir: string): Promise<Payloads> {
  await mkdir(dir, { recursive: true });
  const { python } = await peerVenv('fastapi');
  const script = join(import.meta.dirname, 'peers/payloads.py');
  const env = { BENCH_MODEL: join(model, 'model.onnx'), PYTHONDONTWRITEBYTECODE: '1' };
  await run(python, [script, slicesDir, dir], { env });
  return readPayloads(dir, SIDE);
}

async function floor(model: string, threads: number): Promise<Floor> {
  const script = join(import.meta.dirname, 'floor.ts');
  const images = isQuick ? 4 : 24;
  const args = [script, join(model, 'model.onnx'), String(threads), String(images)];
  const { stdout } = await run(process.execPath, args);
  return z
    .object({ threads: z.number(), cpuSecondsPerImage: z.number(), secondsPerImage: z.number() })
    .parse(JSON.parse(stdout));
}

/** The most right answers a second that any of them gave, so that the overload is one for all. */
function fastestOf(rows: readonly Measured[]): number {
  const rates = rows.flatMap(({ steps }) =>
    steps.filter((one) => one.step.kind === 'png').map((one) => one.latencies.length / one.wallSeconds),
  );
  return Math.max(1, ...rates);
}

function say(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}

function fail(why: string): never {
  say(why);
  process.exit(1);
}
