/**
 * What the engine costs on this machine, beside onnxruntime alone: `node server/scripts/engine-cost.ts PACKAGE [ROUNDS]`.
 *
 * Every variant is a process of its own; they take turns, round after round, so that other work on the machine meets
 * all alike. CPU time is what to compare there; wall times are of the quietest round.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openPackage } from '@hilum/model';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { EngineOptions } from '../src/engine/worker.ts';

interface Variant {
  readonly name: string;
  /** At a time. */
  readonly images: number;
  /** Of the engine; or, without it, of onnxruntime alone in this process. */
  readonly engine?: EngineOptions;
  readonly session?: InferenceSession.SessionOptions;
  /** Of a file that onnxruntime optimised before, weights mapped. */
  readonly isPrepared?: boolean;
}

interface Cost {
  readonly startMs: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly rssMiB: number;
  readonly pssMiB: number;
}

const CPU = { executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1 } as const;
const QUIET = { extra: { session: { intra_op: { allow_spinning: '0' } } } };
const PREPARED = { ...CPU, ...QUIET, graphOptimizationLevel: 'disabled', enableMemPattern: false } as const;

const VARIANTS: readonly Variant[] = [
  { name: 'onnxruntime alone, 1 thread, as it comes', images: 1, session: CPU },
  { name: '… without a plan of memory', images: 1, session: { ...CPU, enableMemPattern: false } },
  { name: '… without its arena', images: 1, session: { ...CPU, enableCpuMemArena: false } },
  { name: '… without NCHWc', images: 1, session: { ...CPU, graphOptimizationLevel: 'extended' } },
  { name: '… from a prepared file', images: 1, session: PREPARED, isPrepared: true },
  { name: '… 2 threads that spin', images: 1, session: { ...CPU, intraOpNumThreads: 2 } },
  { name: '… 2 threads that sleep', images: 1, session: { ...CPU, ...QUIET, intraOpNumThreads: 2 } },
  { name: 'the engine, 1 image at a time, 1 x 1', images: 1, engine: { threads: 1, lanes: 1 } },
  { name: 'the engine, 1 image at a time, 1 x 2', images: 1, engine: { threads: 2, lanes: 1 } },
  { name: 'the engine, 2 images at a time, 1 x 2', images: 2, engine: { threads: 2, lanes: 1 } },
  { name: 'the engine, 1 image at a time, by load', images: 1, engine: { threads: 2, lanes: 2 } },
  { name: 'the engine, 2 images at a time, by load', images: 2, engine: { threads: 2, lanes: 2 } },
  {
    name: '… with weights for each lane',
    images: 2,
    engine: { threads: 2, lanes: 2, scratch: join(import.meta.dirname, 'nowhere') },
  },
  { name: 'wasm, 1 image at a time', images: 1, engine: { kind: 'wasm', threads: 1, lanes: 1 } },
  { name: 'tensorflow, 1 image at a time', images: 1, engine: { kind: 'tensorflow', threads: 1, lanes: 1 } },
];

/** What the engines of this process need at its end. */
const closings: (() => Promise<void>)[] = [];
const IMAGES = 24;
const WARM = 8;

const [dir = '', rounds = '3', child] = process.argv.slice(2);
if (child === undefined) await compare(Number(rounds));
else process.stdout.write(JSON.stringify(await measure(VARIANTS[Number(child)])));
for (const close of closings) await close();
process.exit(0);

async function compare(turns: number): Promise<void> {
  const execute = promisify(execFile);
  const costs = VARIANTS.map((): Cost[] => []);
  for (let round = 0; round < turns; round += 1) {
    for (const at of VARIANTS.keys()) {
      const { stdout } = await execute(process.execPath, [
        fileURLToPath(import.meta.url),
        dir,
        '1',
        String(at),
      ]);
      costs[at]?.push(JSON.parse(stdout) as Cost);
    }
  }
  process.stdout.write(
    '| variant | CPU ms an image (span) | wall ms an image | start ms | peak RSS MiB | PSS MiB |\n',
  );
  process.stdout.write('| --- | --- | --- | --- | --- | --- |\n');
  for (const [at, { name }] of VARIANTS.entries()) {
    const own = costs[at] ?? [];
    const least = (pick: (cost: Cost) => number): number => Math.min(...own.map(pick));
    const cpu = own.map(({ cpuMs }) => cpuMs).toSorted((a, b) => a - b);
    const middle = cpu[cpu.length >> 1] ?? Number.NaN;
    const span = `${Math.min(...cpu).toFixed(1)} – ${Math.max(...cpu).toFixed(1)}`;
    const cells = [
      name,
      `${middle.toFixed(1)} (${span})`,
      ...[
        least(({ wallMs }) => wallMs),
        least(({ startMs }) => startMs),
        least(({ rssMiB }) => rssMiB),
        least(({ pssMiB }) => pssMiB),
      ].map((value) => value.toFixed(0)),
    ];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
  }
}

async function measure(variant: Variant | undefined): Promise<Cost> {
  if (variant === undefined) throw new RangeError('no such variant');
  const { contract } = await openPackage(dir, { isVerified: true });
  const side = contract.inputSize;
  const { infer, startMs } =
    variant.engine === undefined ? await alone(variant, side) : await engine(variant.engine);
  const run = async (count: number): Promise<void> => {
    const each = async (): Promise<void> => {
      for (let at = 0; at < count / variant.images; at += 1) await infer(grey(side));
    };
    await Promise.all(Array.from({ length: variant.images }, each));
  };
  await run(WARM);
  const [cpu, from] = [process.cpuUsage(), performance.now()];
  await run(IMAGES);
  const wallMs = (performance.now() - from) / IMAGES;
  const { user, system } = process.cpuUsage(cpu);
  return {
    startMs,
    cpuMs: (user + system) / 1000 / IMAGES,
    wallMs,
    rssMiB: memory('/proc/self/status', 'VmHWM'),
    pssMiB: memory('/proc/self/smaps_rollup', 'Pss'),
  };
}

interface Started {
  readonly infer: (image: Float32Array) => Promise<unknown>;
  readonly startMs: number;
}

async function engine(options: EngineOptions): Promise<Started> {
  const { startEngine } = await import('../src/engine/worker.ts');
  const from = performance.now();
  const started = await startEngine(dir, new AbortController().signal, { precision: 'float32', ...options });
  closings.push(started.close);
  return { infer: async (image) => started.infer(image, 1), startMs: performance.now() - from };
}

async function alone({ session: options, isPrepared }: Variant, side: number): Promise<Started> {
  const file = join(dir, 'model.onnx');
  const { prepare } = await import('../src/engine/prepare.ts');
  const prepared =
    isPrepared === true
      ? await prepare(file, new Uint8Array(), tmpdir(), new AbortController().signal)
      : undefined;
  const from = performance.now();
  const session = await InferenceSession.create(prepared?.file ?? file, { logSeverityLevel: 3, ...options });
  const startMs = performance.now() - from;
  await prepared?.remove();
  return { infer: async (image) => session.run({ image: new Tensor(image, [1, side, side, 3]) }), startMs };
}

function grey(side: number): Float32Array {
  return Float32Array.from({ length: side * side * 3 }, (_, at) => ((at * 7919) % 255) - 110);
}

function memory(file: string, key: string): number {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${key}:`));
  return Number(/\d+/.exec(line ?? '')?.[0]) / 1024;
}
