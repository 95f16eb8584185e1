import { closeDecoders, contractSchema, decodeImage, defaultContract, tensorRegion } from '@hilum/imaging';
import type { PackageInfo } from '@hilum/model';
import { classificationSchema, explanationSchema, heatmapSchema, problemSchema } from '@hilum/wire';
import dicomParser from 'dicom-parser';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  INPUT_SIZE,
  RENDERING,
  ctSlice,
  iqOthJpeg,
  lidcPng,
  scratch,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { type Harness, harness } from '../../test/harness.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let info: PackageInfo;
let engine: Engine;
let server: Harness;
let passes = 0;

beforeAll(async () => {
  dir = await scratch();
  info = await writeRealPackage(dir.path);
  const real = await startEngine(dir.path, new AbortController().signal);
  engine = {
    ...real,
    infer: async (batch, n, options) => {
      passes += 1;
      return real.infer(batch, n, options);
    },
  };
  server = await harness({ engine, model: servedAs(info, RENDERING) });
});

afterAll(async () => {
  await server.close();
  await engine.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

async function explain(
  payload: Buffer,
  {
    accept,
    query = '',
    to = server,
    path = '/v1/explain',
  }: {
    readonly accept?: string;
    readonly query?: string;
    readonly to?: Harness;
    readonly path?: string;
  } = {},
) {
  const headers = accept === undefined ? {} : { accept };
  return to.app.inject({ method: 'POST', url: `${path}${query}`, payload, headers });
}

const asJson = async (payload: Buffer, query = '', to = server) => {
  const answer = await explain(payload, { accept: 'application/json', query, to });
  return explanationSchema.strict().parse(answer.json());
};

const refusalOf = async (...ask: Parameters<typeof explain>) => {
  const answer = await explain(...ask);
  const { status, code, detail } = problemSchema.parse(answer.json());
  return { status, code, detail, retryAfter: answer.headers['retry-after'] };
};

async function pixelsOf(png: Buffer) {
  const { data, info: shape } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return { ...shape, data };
}

/** How far from grey: heat alone has colour. */
const tinted = (
  { data, width, channels }: Awaited<ReturnType<typeof pixelsOf>>,
  row: number,
  column: number,
) => {
  const at = (row * width + column) * channels;
  return Math.abs((data[at] ?? 0) - (data[at + 2] ?? 0));
};

describe.skipIf(DATA_ABSENT)(`POST /v1/explain with real images ${DATA_ABSENT || ''}`, () => {
  it.each([
    ['a LIDC nodule as PNG', lidcPng],
    ['an IQ-OTH slice as JPEG', iqOthJpeg],
    ['a DICOM slice', ctSlice],
  ])(
    'gives answer and map of %s by one pass of the network, the answer that /v1/classify gives',
    async (_, load) => {
      const bytes = await load();
      const before = passes;
      const explained = await asJson(bytes);
      expect(passes - before).toBe(1);
      const classified = await server.app.inject({ method: 'POST', url: '/v1/classify', payload: bytes });
      const { probabilities, label, image } = classificationSchema.parse(classified.json());
      expect(explained.classification).toMatchObject({ probabilities, label, image });
      expect(explained).toMatchObject({ label: 'malignant', layer: 'block5_pool', notShown: [] });
      const { rows, columns, values } = explained.heatmap;
      expect([rows, columns, values.length]).toEqual([2, 2, 4]);
      expect(Math.max(...values)).toBe(explained.empty ? 0 : 1);
    },
  );

  it('explains the label that is asked for', async () => {
    const bytes = await ctSlice();
    const maps = [await asJson(bytes, '?label=benign'), await asJson(bytes, '?label=malignant')];
    expect(maps.map(({ label }) => label)).toEqual(['benign', 'malignant']);
    expect(maps[0]?.heatmap.values).not.toEqual(maps[1]?.heatmap.values);
    expect(maps[0]?.classification.probabilities).toEqual(maps[1]?.classification.probabilities);
  });

  it('sends a PNG of the slice’s size by default, and the same map as numbers', async () => {
    const bytes = await ctSlice();
    const label = await visible(bytes);
    const answer = await explain(bytes, { query: `?label=${label}` });
    expect(answer.headers['content-type']).toBe('image/png');
    const picture = await pixelsOf(answer.rawPayload);
    expect([picture.width, picture.height, picture.channels]).toEqual([512, 512, 3]);
    const tensor = await explain(bytes, { accept: 'application/octet-stream', query: `?label=${label}` });
    const header = heatmapSchema.strict().parse(JSON.parse(String(tensor.headers['hilum-heatmap'])));
    const values = new Float32Array(new Uint8Array(tensor.rawPayload).buffer);
    expect(values.length).toBe(header.rows * header.columns);
    // The middle of each quarter is as warm as its number says.
    for (const [at, [row, column]] of [
      [128, 110],
      [128, 400],
      [384, 110],
      [384, 400],
    ].entries()) {
      expect(tinted(picture, row ?? 0, column ?? 0) > 0).toBe((values[at] ?? 0) > 0.25);
    }
  });

  it('shows the heat alone, to be laid over the image', async () => {
    const bytes = await ctSlice();
    const label = await visible(bytes);
    const { channels, data } = await pixelsOf(
      (await explain(bytes, { query: `?view=heat&label=${label}` })).rawPayload,
    );
    expect(channels).toBe(4);
    const alphas = data.filter((_, at) => at % 4 === 3);
    expect(alphas.filter((alpha) => alpha === 0).length).toBeGreaterThan(0.1 * alphas.length);
    expect(alphas.some((alpha) => alpha > 100 && alpha < 140)).toBe(true);
  });

  it('shows a slice by the window that is asked for', async () => {
    const bytes = await ctSlice();
    const means = ['lung', 'mediastinal'].map(async (window) => {
      const { data } = await pixelsOf((await explain(bytes, { query: `?window=${window}` })).rawPayload);
      return data.reduce((sum, value) => sum + value, 0) / data.length;
    });
    const [lung = 0, mediastinal = 0] = await Promise.all(means);
    expect(lung).toBeGreaterThan(mediastinal + 10);
  });

  it('draws the map where the model looked: in the square of the lungs, and nowhere else', async () => {
    const contract = contractSchema.parse({ ...defaultContract('hu', INPUT_SIZE), crop: 'lung' });
    const cropped = await harness({ engine, model: servedAs(info, contract) });
    const bytes = await ctSlice();
    const { region } = await asJson(bytes, '', cropped);
    const image = await decodeImage(bytes);
    expect(region).toEqual(tensorRegion(image, contract));
    expect(region.rows).toBeLessThan(500);
    const query = `?label=${await visible(bytes, cropped)}`;
    const picture = await pixelsOf((await explain(bytes, { to: cropped, query })).rawPayload);
    const warm = Array.from({ length: 512 * 512 }, (_, at) => at).filter((at) => {
      const [row, column] = [Math.floor(at / 512), at % 512];
      // Right of it lies the scale of the colours.
      return column < 440 && tinted(picture, row, column) > 0;
    });
    expect(warm.length).toBeGreaterThan(1000);
    const rows = warm.map((at) => Math.floor(at / 512));
    const columns = warm.map((at) => at % 512);
    expect(Math.min(...rows)).toBeGreaterThanOrEqual(Math.max(0, region.top));
    expect(Math.max(...rows)).toBeLessThan(region.top + region.rows);
    expect(Math.min(...columns)).toBeGreaterThanOrEqual(Math.max(0, region.left));
    await cropped.close();
  });

  it('sends a Secondary Capture of the slice’s own study', async () => {
    const bytes = await ctSlice();
    const answer = await explain(bytes, { accept: 'application/dicom' });
    expect(answer.headers['content-type']).toBe('application/dicom');
    const [capture, source] = [answer.rawPayload, bytes].map((file) => dicomParser.parseDicom(file));
    expect(capture?.string('x00080016')).toBe('1.2.840.10008.5.1.4.1.1.7');
    for (const tag of ['x0020000d', 'x00200052']) expect(capture?.string(tag)).toBe(source?.string(tag));
    expect(capture?.string('x00280301')).toBe('YES');
    expect(capture?.string('x0008103e')).toContain('RESEARCH USE ONLY');
  });

  it('has no DICOM answer to a picture, and says so', async () => {
    expect(await refusalOf(await lidcPng(), { accept: 'application/dicom' })).toMatchObject({
      status: 406,
      code: 'NOT_ACCEPTABLE',
      detail: expect.stringContaining('names no patient and no study') as unknown,
    });
    const either = await explain(await lidcPng(), { accept: 'application/dicom, application/json;q=0.5' });
    expect(either.headers['content-type']).toContain('application/json');
  });

  it('logs neither label nor result, and times the map', async () => {
    await explain(await ctSlice(), { query: '?label=malignant' });
    expect(server.logged()).not.toMatch(/malignant|benign/);
    const text = await server.registry.metrics();
    expect(Number(/hilum_explain_seconds_count (\d+)/.exec(text)?.[1])).toBeGreaterThan(0);
    expect(Number(/hilum_encode_seconds_count (\d+)/.exec(text)?.[1])).toBeGreaterThan(0);
  });

  it('makes so many at a time, and asks others to come again', async () => {
    const open = Promise.withResolvers<void>();
    const narrow = await harness({
      engine,
      model: servedAs(info, RENDERING),
      limits: { explanations: 1 },
      gate: async () => open.promise,
    });
    const bytes = await ctSlice();
    const first = explain(bytes, { to: narrow });
    const second = await refusalOf(bytes, { to: narrow });
    expect(second).toMatchObject({ status: 503, code: 'QUEUE_FULL', retryAfter: '1' });
    // Classification has room still.
    const other = explain(bytes, { to: narrow, path: '/v1/classify' });
    open.resolve();
    expect((await first).statusCode).toBe(200);
    expect((await other).statusCode).toBe(200);
    expect((await explain(bytes, { to: narrow })).statusCode).toBe(200);
    await narrow.close();
  });

  it('refuses a map whose features are not those of the answer', async () => {
    const mixed = await harness({
      engine: {
        ...engine,
        infer: async (batch, n, options) => {
          const answer = await engine.infer(batch, n, options);
          return { ...answer, probabilities: answer.probabilities.toReversed() };
        },
      },
      model: servedAs(info, RENDERING),
    });
    expect(await refusalOf(await ctSlice(), { to: mixed })).toMatchObject({ code: 'ENGINE_FAILED' });
    await mixed.close();
  });

  it('gives each of many simultaneous requests the map of its own image', async () => {
    const wide = await harness({
      engine,
      model: servedAs(info, RENDERING),
      limits: { queue: 30, explanations: 30 },
    });
    const images = await Promise.all([lidcPng(), iqOthJpeg(), ctSlice()]);
    const alone: number[][] = [];
    for (const image of images) alone.push((await asJson(image)).heatmap.values);
    const together = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => asJson(images[n % 3] as Buffer, '', wide)),
    );
    for (const [n, { heatmap }] of together.entries()) {
      for (const [at, value] of heatmap.values.entries()) {
        expect(Math.abs(value - (alone[n % 3]?.[at] ?? Number.NaN))).toBeLessThan(1e-3);
      }
    }
    await wide.close();
  });
});

/** A label of which this model has a map to show. */
async function visible(bytes: Buffer, to = server): Promise<string> {
  const maps = await Promise.all(
    ['malignant', 'benign'].map(async (label) => asJson(bytes, `?label=${label}`, to)),
  );
  const shown = maps.find(({ empty }) => !empty);
  if (shown === undefined) throw new Error('no label has a map');
  return shown.label;
}
