import { createHash } from 'node:crypto';
import { cp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { INPUT_SIZE, RENDERING, scratch, writeRealPackage } from '../../test/fixtures.ts';
import { MORTAL, mortals } from '../../test/mortal.ts';
import type { Engine, EngineAnswer, EngineFacts } from './engine.ts';
import { type EngineOptions, startEngine } from './worker.ts';

const MISSING = new URL('../../test/missing-thread.ts', import.meta.url);
const PIXELS = INPUT_SIZE ** 2 * 3;

let dir: Awaited<ReturnType<typeof scratch>>;
let packageDir: string;
/** Of five images, by onnxruntime. */
let want: readonly EngineAnswer[];

beforeAll(async () => {
  dir = await scratch();
  packageDir = join(dir.path, 'package');
  await writeRealPackage(packageDir);
  const engine = await startEngine(packageDir, signal());
  want = await Promise.all(
    [0, 1, 2, 3, 4].map(async (at) => engine.infer(image(at), 1, { activations: true })),
  );
  await engine.close();
});

afterAll(async () => dir[Symbol.asyncDispose]());

describe('every engine', () => {
  it.each(['onnxruntime', 'tensorflow', 'wasm'] as const)(
    'answers alike, alone and in a batch, with the activations of the same pass: %s',
    async (kind) => {
      const warnings: string[] = [];
      const engine = await started({ kind, onWarning: (message) => warnings.push(message) });
      expect(engine.facts).toMatchObject({ engine: kind, precision: 'float32', device: 'cpu', maxBatch: 1 });
      expect(engine.facts.version).toMatch(/^\d+\.\d+\.\d+/);
      expect(warnings).toEqual([]);
      expect(difference(want[0]?.probabilities, want[1]?.probabilities)).toBeGreaterThan(1e-4); // or equality is cheap
      const batch = images(3);
      const { probabilities } = await engine.infer(batch, 3);
      for (const at of [0, 1, 2]) {
        const own = probabilities.slice(at * 2, at * 2 + 2);
        expect(difference(own, want[at]?.probabilities)).toBeLessThan(1e-5);
      }
      const { activations, probabilities: alone } = await engine.infer(image(3), 1, { activations: true });
      expect(difference(alone, want[3]?.probabilities)).toBeLessThan(1e-5);
      const wanted = want[3]?.activations;
      expect(activations).toMatchObject({ channels: 512, side: 2, views: 1 });
      expect(difference(activations?.maps, wanted?.maps)).toBeLessThan(1e-3); // values reach hundreds
      expect(difference(activations?.features, wanted?.features)).toBeLessThan(1e-3);
      expect(Math.max(...(wanted?.maps ?? []))).toBeGreaterThan(1);
    },
  );

  it.each(['onnxruntime', 'tensorflow'] as const)(
    'refuses to serve when it does not reproduce the golden answers: %s',
    async (kind) => {
      const altered = await copy(`altered-${kind}`);
      await change(altered, 'golden/golden.json', (text) => {
        const golden = JSON.parse(text) as { outputs: number[][] };
        return JSON.stringify({ ...golden, outputs: golden.outputs.map((row) => row.toReversed()) });
      });
      await expect(startEngine(altered, signal(), { kind })).rejects.toMatchObject({
        code: 'WARM_UP_MISMATCH',
        exitCode: 65,
      });
    },
  );

  it('says that nothing is proved by a package of before there were golden images', async () => {
    const older = await copy('older');
    await change(older, 'manifest.json', (text) => {
      const manifest = JSON.parse(text) as { files: { path: string }[] };
      return JSON.stringify({
        ...manifest,
        files: manifest.files.filter(({ path }) => !path.startsWith('golden/')),
      });
    });
    const warnings: string[] = [];
    const engine = await started({ onWarning: (message) => warnings.push(message) }, older);
    expect(warnings).toEqual([expect.stringContaining('no golden answers in float32')]);
    expect(difference((await engine.infer(image(0), 1)).probabilities, want[0]?.probabilities)).toBe(0);
  });
});

describe('the precision', () => {
  let int8Dir: string;
  let int8: EngineAnswer;
  let facts: EngineFacts;

  beforeAll(async () => {
    int8Dir = join(dir.path, 'int8');
    await writeRealPackage(int8Dir, RENDERING, images(5));
    const engine = await startEngine(int8Dir, signal());
    int8 = await engine.infer(image(1), 1, { activations: true });
    ({ facts } = engine);
    await engine.close();
  });

  it('is int8 where the package has it: near the float32 answer and not it, with maps as they were dequantised', () => {
    expect(facts).toMatchObject({ engine: 'onnxruntime', precision: 'int8' });
    expect(difference(int8.probabilities, want[1]?.probabilities)).toBeLessThan(0.05);
    expect(difference(int8.probabilities, want[1]?.probabilities)).toBeGreaterThan(0);
    expect(int8.activations).toMatchObject({ channels: 512, side: 2, views: 1 });
  });

  it('is the same int8 in wasm', async () => {
    const engine = await started({ kind: 'wasm' }, int8Dir);
    expect(engine.facts.precision).toBe('int8');
    expect(difference((await engine.infer(image(1), 1)).probabilities, int8.probabilities)).toBeLessThan(
      1e-5,
    );
  });

  it('is float32 where that is asked for', async () => {
    const engine = await started({ precision: 'float32' }, int8Dir);
    expect(engine.facts.precision).toBe('float32');
    expect(difference((await engine.infer(image(1), 1)).probabilities, want[1]?.probabilities)).toBeLessThan(
      1e-5,
    );
  });

  it('is refused where it is asked for and not there', async () => {
    await expect(startEngine(packageDir, signal(), { precision: 'int8' })).rejects.toMatchObject({
      code: 'PACKAGE_INVALID',
      exitCode: 65,
    });
  });
});

describe('onnxruntime', () => {
  it('gives each of many images at a time its own answer, from lanes that come and become narrow', async () => {
    const engine = await started({ threads: 3, lanes: 3 });
    expect(engine.facts).toMatchObject({ lanes: 3, threads: 3 });
    const order = Array.from({ length: 30 }, (_, at) => at % 5);
    const answers = await Promise.all(order.map(async (at) => engine.infer(image(at), 1)));
    for (const [at, { probabilities }] of answers.entries()) {
      expect(difference(probabilities, want[order[at] ?? 0]?.probabilities)).toBeLessThan(1e-5);
    }
  });

  it('leaves nothing behind in the folder for temporary files', async () => {
    const place = await scratch();
    onTestFinished(async () => place[Symbol.asyncDispose]());
    const stale = join(place.path, 'hilum-engine-999999999-left');
    await cp(packageDir, stale, { recursive: true });
    const engine = await startEngine(packageDir, signal(), { scratch: place.path });
    const [folder, ...others] = await readdir(place.path);
    expect([folder, others]).toEqual([expect.stringContaining(`hilum-engine-${process.pid}-`), []]);
    expect((await readdir(join(place.path, folder ?? ''))).toSorted()).toEqual([
      'prepared.onnx',
      'weights.bin',
    ]);
    await engine.close();
    expect(await readdir(place.path)).toEqual([]);
  });

  it('answers the same without room for temporary files, and says what it costs', async () => {
    const warnings: string[] = [];
    const engine = await started({
      scratch: join(dir.path, 'nowhere'),
      onWarning: (message) => warnings.push(message),
    });
    expect(warnings).toEqual([expect.stringContaining('each lane has weights of its own')]);
    const { probabilities, activations } = await engine.infer(image(2), 1, { activations: true });
    expect(difference(probabilities, want[2]?.probabilities)).toBeLessThan(1e-6);
    expect(difference(activations?.maps, want[2]?.activations?.maps)).toBeLessThan(1e-3);
  });

  it('is replaced by wasm, with a warning, where its native library cannot be loaded', async () => {
    const warnings: string[] = [];
    const engine = await started({ entry: MISSING, onWarning: (message) => warnings.push(message) });
    expect(engine.facts).toMatchObject({
      engine: 'wasm',
      warning: expect.stringContaining('onnxruntime-node could not be loaded: wrong ELF class') as string,
    });
    expect(warnings).toEqual([engine.facts.warning]);
    expect(difference((await engine.infer(image(0), 1)).probabilities, want[0]?.probabilities)).toBeLessThan(
      1e-5,
    );
    await expect(
      startEngine(packageDir, signal(), { kind: 'onnxruntime', entry: MISSING }),
    ).rejects.toMatchObject({ code: 'ENGINE_MISSING', exitCode: 69 });
  });
});

describe('an engine whose thread is lost', () => {
  it('fails what was in it, says so, is started again, and answers; a second time it gives up', async () => {
    const { engine, troubles, next, fate } = await mortal();
    fate('die', 0);
    expect(await next()).toMatch(/ended with code 3/);
    expect(await next()).toBeUndefined();
    expect(difference((await engine.infer(image(4), 1)).probabilities, want[4]?.probabilities)).toBe(0);
    fate('die', 1);
    expect(await engine.died).toMatchObject({ code: 'ENGINE_FAILED', exitCode: 70 });
    await expect(engine.infer(image(0), 1)).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(troubles.length).toBe(2);
  });

  it('takes one that hangs for lost after its time, and goes on with another', async () => {
    const { engine, next, fate } = await mortal({ answerMs: 4_000 });
    fate('hang', 0);
    const [stuck, waits] = [engine.infer(image(1), 1), engine.infer(image(2), 1)];
    await expect(stuck).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(await next()).toMatch(/no answer of the inference engine within 4000 ms/);
    expect(await next()).toBeUndefined();
    expect(difference((await waits).probabilities, want[2]?.probabilities)).toBe(0);
  });

  it('stays ready while another lane answers', async () => {
    const { engine, troubles, born, fate } = await mortal({ lanes: 2, threads: 2 });
    const many = async () => Promise.all(Array.from({ length: 12 }, async () => engine.infer(image(0), 1)));
    await many();
    expect(born.length).toBe(2);
    fate('die', 0);
    await vi.waitFor(() => expect(born.length).toBe(3), 20_000);
    for (const { probabilities } of await many()) {
      expect(difference(probabilities, want[0]?.probabilities)).toBe(0);
    }
    expect(troubles).toEqual([]);
  });
});

describe('the process', () => {
  // onnxruntime's addon aborts a process whose thread is ended under it: exit code 134.
  it('ends in peace while images are computed', async () => {
    expect(await ending('busy')).toMatchObject({ code: 0, stdout: '128 probabilities' });
  });

  it.each(['1', '150', '300', '450'])('ends in peace %s ms after the start began', async (ms) => {
    expect(await ending(ms)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^(started|given up)$/) as string,
    });
  });
});

describe('lanes beside the first', () => {
  it('come when images keep meeting, go after a minute of calm, and come again', async () => {
    let now = 0;
    const { engine, born, troubles } = await mortal({ lanes: 2, threads: 2, now: () => now });
    const many = async () => Promise.all(Array.from({ length: 12 }, async () => engine.infer(image(0), 1)));
    await engine.infer(image(0), 1);
    expect(born.length).toBe(1);
    await many();
    expect(born.length).toBe(2);
    now = 61_000;
    await engine.infer(image(0), 1);
    await engine.infer(image(0), 1); // the first was given out before the second lane went
    await many();
    await vi.waitFor(() => expect(born.length).toBe(3), 20_000);
    expect(troubles).toEqual([]);
  });
});

async function ending(when: string) {
  const file = join(import.meta.dirname, '../../test/ending-process.ts');
  return run(process.execPath, [file, packageDir, when], { allowFailure: true });
}

async function mortal(options: EngineOptions = {}) {
  const { born, fate, [Symbol.dispose]: close } = mortals();
  onTestFinished(close);
  const troubles: (string | undefined)[] = [];
  const waiting: ((trouble: string | undefined) => void)[] = [];
  let read = 0;
  const engine = await started({
    lanes: 1,
    threads: 1,
    ...options,
    entry: MORTAL,
    onTrouble: (why) => {
      troubles.push(why);
      waiting.shift()?.(why);
    },
  });
  return {
    engine,
    born,
    troubles,
    next: async (): Promise<string | undefined> => {
      const at = read++;
      if (at < troubles.length) return troubles[at];
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    fate,
  };
}

async function started(options: EngineOptions = {}, from = packageDir): Promise<Engine> {
  const engine = await startEngine(from, signal(), options);
  onTestFinished(async () => engine.close());
  return engine;
}

function signal(): AbortSignal {
  return new AbortController().signal;
}

/** Grey squares, each image its own. */
function image(at: number): Float32Array {
  return Float32Array.from({ length: PIXELS }, (_, index) => {
    const [x, y] = [Math.floor(index / 3) % INPUT_SIZE, Math.floor(index / 3 / INPUT_SIZE)];
    return ((x >> (at + 1)) + (y >> (at + 1))) % 2 === 0 ? 100 - 20 * at : -100;
  });
}

/** The first `n` of them, one after the other. */
function images(n: number): Float32Array {
  const all = new Float32Array(n * PIXELS);
  for (let at = 0; at < n; at += 1) all.set(image(at), at * PIXELS);
  return all;
}

function difference(got: Float32Array | undefined, expected: Float32Array | undefined): number {
  expect(got?.length).toBe(expected?.length);
  return (got ?? new Float32Array()).reduce(
    (most, value, at) => Math.max(most, Math.abs(value - (expected?.[at] ?? Number.NaN))),
    0,
  );
}

async function copy(name: string): Promise<string> {
  const place = join(dir.path, name);
  await cp(packageDir, place, { recursive: true });
  return place;
}

/** A changed part, and a manifest that vouches for it. */
async function change(place: string, path: string, edit: (text: string) => string): Promise<void> {
  const text = edit(await readFile(join(place, path), 'utf8'));
  await writeFile(join(place, path), text);
  if (path === 'manifest.json') return;
  const sha256 = createHash('sha256').update(text).digest('hex');
  const manifest = JSON.parse(await readFile(join(place, 'manifest.json'), 'utf8')) as {
    files: { path: string; sha256: string; bytes: number }[];
  };
  const files = manifest.files.map((file) =>
    file.path === path ? { path, sha256, bytes: Buffer.byteLength(text) } : file,
  );
  await writeFile(join(place, 'manifest.json'), JSON.stringify({ ...manifest, files }));
}
