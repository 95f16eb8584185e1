import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { closeDecoders, decodeImage, toTensor, type GreyImage } from '@hilum/imaging';
import { mlflowVenv } from '@hilum/hack';
import {
  histogramOf,
  INPUT_STATISTICS,
  inputStatistics,
  openPackage,
  type PackageInfo,
  REFERENCE_PATH,
  type Reference,
} from '@hilum/model';
import { array, assert, integer, property } from 'fast-check';
import { Registry } from 'prom-client';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  DATA_ABSENT,
  lidcPictures,
  RENDERING,
  scratch,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { harness } from '../../test/harness.ts';
import { startEngine } from '../engine/worker.ts';
import { createDrift } from './drift.ts';
import { psi } from './psi.ts';

const counts = (bins: number) => array(integer({ min: 0, max: 1000 }), { minLength: bins, maxLength: bins });

describe('the population stability index', () => {
  it('is what numpy computes', { timeout: 60_000 }, async () => {
    const pairs = [
      [
        [10, 20, 30],
        [10, 20, 30],
      ],
      [
        [100, 100, 100, 100],
        [10, 50, 200, 5],
      ],
      [
        [50, 0, 7],
        [0, 3, 0],
      ],
    ] as const;
    const program = `
import json, numpy as np
share = lambda c: (np.array(c) + 0.5) / (np.array(c) + 0.5).sum()
print(json.dumps([float(((share(a) - share(e)) * np.log(share(a) / share(e))).sum()) for e, a in ${JSON.stringify(pairs)}]))`;
    const { python } = await mlflowVenv();
    const { stdout } = await promisify(execFile)(python, ['-c', program]);
    const want = JSON.parse(stdout) as number[];
    expect(want).toHaveLength(pairs.length);
    for (const [at, [expected, actual]] of pairs.entries()) {
      expect(psi(expected, actual)).toBeCloseTo(want[at] ?? Number.NaN, 12);
    }
  });

  it('is never negative, nothing between like samples, and the same in both directions', () => {
    assert(
      property(counts(6), counts(6), (a, b) => {
        expect(psi(a, b)).toBeGreaterThanOrEqual(0);
        expect(psi(a, a)).toBe(0);
        expect(psi(a, b)).toBeCloseTo(psi(b, a), 12);
      }),
    );
  });
});

async function packageOf(reference: Reference | undefined): Promise<PackageInfo> {
  const { path: dir, [Symbol.asyncDispose]: remove } = await scratch();
  onTestFinished(() => remove());
  await mkdir(dirname(join(dir, REFERENCE_PATH)));
  await writeFile(join(dir, REFERENCE_PATH), JSON.stringify(reference ?? null));
  const files = reference === undefined ? [] : [{ path: REFERENCE_PATH, sha256: '', bytes: 0 }];
  return { dir, files, digest: 'sha256:x' } as unknown as PackageInfo;
}

interface Watched {
  readonly absent: readonly string[];
  readonly psi: () => Promise<ReadonlyMap<string, number>>;
  readonly images: () => Promise<number>;
  readonly see: (tensor: Float32Array, score?: number) => void;
}

/** A drift that has read its reference. */
async function watching(
  reference: Reference | undefined,
  sizes: { window?: number; least?: number } = {},
): Promise<Watched> {
  const info = await packageOf(reference);
  const registry = new Registry();
  const absent: string[] = [];
  const drift = createDrift({ registry, onAbsent: (reason) => absent.push(reason), ...sizes });
  while (drift.watch(info) === undefined && absent.length === 0) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  const valuesOf = async (name: string) => {
    const all = await registry.getMetricsAsJSON();
    return all.find((metric) => metric.name === name)?.values ?? [];
  };
  return {
    absent,
    see: (tensor, score = 0.5) => drift.watch(info)?.(tensor)(score),
    images: async () => (await valuesOf('hilum_input_drift_images'))[0]?.value ?? Number.NaN,
    psi: async () =>
      new Map(
        (await valuesOf('hilum_input_drift_psi')).map(({ labels, value }) => [
          String((labels as { statistic?: string }).statistic),
          value,
        ]),
      ),
  };
}

const flat = (level: number): Float32Array => new Float32Array(12).fill(level);
const reference: Reference = {
  version: 1,
  note: '',
  statistics: { mean: { edges: [116], counts: [50, 50] }, score: { edges: [0.5], counts: [50, 50] } },
};

describe('drift', () => {
  it('says nothing before there are enough images, and then one number a statistic', async () => {
    const { see, psi: now, images } = await watching(reference, { least: 4 });
    for (let at = 0; at < 3; at += 1) see(flat(at % 2 === 0 ? -50 : 50), at % 2);
    expect([...(await now())]).toEqual([]);
    see(flat(50), 1);
    expect(await images()).toBe(4);
    expect(await now()).toEqual(
      new Map([
        ['mean', 0],
        ['score', 0],
      ]),
    );
  });

  it('forgets what lies behind the window', async () => {
    const { see, psi: now, images } = await watching(reference, { least: 4, window: 10 });
    for (let at = 0; at < 50; at += 1) see(flat(50));
    expect((await now()).get('mean')).toBeGreaterThan(1);
    for (let at = 0; at < 10; at += 1) see(flat(at % 2 === 0 ? -50 : 50), at % 2);
    expect(await images()).toBe(10);
    expect((await now()).get('mean')).toBe(0);
  });

  it('is not measured by a package that carries no reference, and says so once', async () => {
    const { see, absent, psi: now } = await watching(undefined, { least: 1 });
    see(flat(0));
    see(flat(0));
    expect([...(await now())]).toEqual([]);
    expect(absent).toEqual(['the package has no training/reference.json']);
  });

  it.skipIf(DATA_ABSENT)(
    `rises where real pictures are brightened, and does not for others of the same kind: docs/observability.md ${DATA_ABSENT || ''}`,
    { timeout: 120_000 },
    async () => {
      const images: GreyImage[] = [];
      for (const name of await lidcPictures(1500)) {
        images.push((await decodeImage(await readFile(name))) as GreyImage);
      }
      const seen = tensors(images.filter((_, at) => at % 3 !== 0)).map(inputStatistics);
      const others = images.filter((_, at) => at % 3 === 0);
      const statistics = Object.fromEntries(
        INPUT_STATISTICS.map((name) => [name, histogramOf(seen.map((values) => values[name]))]),
      );
      const said = async (some: readonly GreyImage[]): Promise<string> => {
        const { see, psi: now } = await watching({ version: 1, note: '', statistics });
        for (const tensor of tensors(some)) see(tensor);
        const values = await now();
        return INPUT_STATISTICS.map((name) => values.get(name)?.toFixed(2)).join(' ');
      };
      const found = [
        await said(others),
        await said(others.map((image) => brighter(image, 1.1, 0))),
        await said(others.map((image) => brighter(image, 1.3, 0.1))),
      ];
      // By statistic: mean, deviation, black, saturated.
      expect(found).toEqual(['0.01 0.03 0.02 0.00', '0.02 0.06 0.02 0.26', '6.16 0.12 6.16 1.85']);
    },
  );
});

describe.skipIf(DATA_ABSENT)(`a server ${DATA_ABSENT || ''}`, () => {
  it(
    'whose package carries a reference says how far real images are from it, by every statistic',
    { timeout: 120_000 },
    async () => {
      const place = await scratch();
      onTestFinished(() => place[Symbol.asyncDispose]());
      const paths = await lidcPictures(120);
      const pictures = await Promise.all(paths.map(async (path) => readFile(path)));
      const seen = await Promise.all(
        pictures.map(async (bytes) => inputStatistics(toTensor(await decodeImage(bytes), RENDERING).tensor)),
      );
      const all = INPUT_STATISTICS.map((name) => [name, histogramOf(seen.map((one) => one[name]))] as const);
      const statistics = { ...Object.fromEntries(all), score: { edges: [2], counts: [50, 50] } };
      const info = await packageWith(place.path, { version: 1, note: '', statistics });
      const engine = await startEngine(place.path, new AbortController().signal);
      const model = { ...servedAs(info, RENDERING), engine: engine.facts };
      const server = await harness({ engine, model });
      for (const payload of pictures) {
        const answer = await server.app.inject({ method: 'POST', url: '/v1/classify', payload });
        expect(answer.statusCode).toBe(200);
      }
      const text = (await server.app.inject({ method: 'GET', url: '/metrics' })).body;
      await server.close();
      await engine.close();
      const values = new Map(
        [...text.matchAll(/^hilum_input_drift_psi\{statistic="(\w+)"\} (\S+)$/gm)].map(
          ([, name, value]) => [name, Number(value)] as const,
        ),
      );
      expect([...values.keys()]).toEqual([...INPUT_STATISTICS, 'score']);
      // The very images of the reference, but for the first, before which the file was not read yet; no score lies above 2.
      for (const name of INPUT_STATISTICS) expect(values.get(name)).toBeLessThan(0.01);
      expect(values.get('score')).toBeGreaterThan(0.25);
    },
  );
});

/** A real package that carries `reference`, as its manifest says. */
async function packageWith(dir: string, reference: Reference): Promise<PackageInfo> {
  await writeRealPackage(dir);
  const bytes = Buffer.from(JSON.stringify(reference));
  await mkdir(dirname(join(dir, REFERENCE_PATH)), { recursive: true });
  await writeFile(join(dir, REFERENCE_PATH), bytes);
  const path = join(dir, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as { files: object[] };
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  manifest.files.push({ path: REFERENCE_PATH, sha256, bytes: bytes.length });
  await writeFile(path, JSON.stringify(manifest));
  return openPackage(dir);
}

afterAll(async () => closeDecoders());

function tensors(images: readonly GreyImage[]): Float32Array[] {
  return images.map((image) => toTensor(image, RENDERING).tensor);
}

/** As another window would show it: each level `times` as bright, and `more` of white added. */
function brighter(image: GreyImage, times: number, more: number): GreyImage {
  const top = image.bits === 16 ? 65_535 : 255;
  return { ...image, pixels: image.pixels.map((value) => Math.min(top, value * times + more * top)) };
}
