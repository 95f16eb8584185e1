import { createHash } from 'node:crypto';
import { cp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { RENDERING, scratch, writeRealPackage } from '../../test/fixtures.ts';
import { difference, image, images } from '../../test/squares.ts';
import type { Engine, EngineAnswer } from './engine.ts';
import type { EngineFacts } from './facts.ts';
import { type EngineOptions, startEngine } from './worker.ts';

const MISSING = new URL('../../test/missing-thread.ts', import.meta.url);

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

async function started(options: EngineOptions = {}, from = packageDir): Promise<Engine> {
  const engine = await startEngine(from, signal(), options);
  onTestFinished(async () => engine.close());
  return engine;
}

function signal(): AbortSignal {
  return new AbortController().signal;
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
