/** What the server writes down of real images and a real network, by every protocol, and that it comes out again. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { closeDecoders, decodeImage, toTensor } from '@hilum/imaging';
import type { PackageInfo } from '@hilum/model';
import { type Classification, classificationSchema } from '@hilum/wire';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  INPUT_SIZE,
  RENDERING,
  ctSlice,
  iqOthJpeg,
  lidcPictures,
  lidcPng,
  scratch,
  seriesFolder,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { type Harness, harness } from '../../test/harness.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';
import type { ServedModel } from '../readiness.ts';
import { type Entry, seal } from './entry.ts';
import { START, filesOf } from './folder.ts';
import type { Ledger } from './ledger.ts';
import { type Replay, type ReplayResult, replayLedger } from './replay.ts';
import { verifyLedger } from './verify.ts';
import { openLedger } from './writer.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let info: PackageInfo;
let engine: Engine;
let model: ServedModel;

beforeAll(async () => {
  dir = await scratch();
  info = await writeRealPackage(join(dir.path, 'package'));
  engine = await startEngine(info.dir, new AbortController().signal, { kind: 'onnxruntime' });
  model = { ...servedAs(info, RENDERING), engine: engine.facts };
});

afterAll(async () => {
  await engine.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

let count = 0;
let folder: string;
let inputs: string;

beforeEach(async () => {
  folder = join(dir.path, `ledger-${(count += 1)}`);
  inputs = join(dir.path, `inputs-${count}`);
  await mkdir(join(inputs, 'deep'), { recursive: true });
});

const open = (): Promise<Ledger> =>
  openLedger({ dir: folder, sync: 'each', maxFileBytes: 1_000_000, now: Date.now });

/** Serves while `work` asks, and gives the entries of it. */
async function recorded(
  work: (server: Harness) => Promise<void>,
  more: Partial<Parameters<typeof harness>[0]> = {},
): Promise<readonly Entry[]> {
  const ledger = await open();
  const server = await harness({ engine, model, ledger, ...more });
  try {
    await work(server);
  } finally {
    await server.close();
    await ledger.close();
  }
  return entries();
}

async function entries(): Promise<readonly Entry[]> {
  const all: Entry[] = [];
  const { finding } = await verifyLedger(folder, { onEntry: (entry) => void all.push(entry) });
  expect(finding).toBeUndefined();
  return all;
}

async function classify(server: Harness, payload: Buffer, headers = {}): Promise<Classification> {
  const response = await server.app.inject({ method: 'POST', url: '/v1/classify', payload, headers });
  expect(response.statusCode, response.body.slice(0, 300)).toBe(200);
  return classificationSchema.parse(response.json());
}

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const floats = (hex: string): number[] => [
  ...new Float32Array(Uint8Array.from(Buffer.from(hex, 'hex')).buffer),
];

async function replayed(
  packageDir = info.dir,
): Promise<Readonly<Record<string, number>> & { readonly results: ReplayResult[] }> {
  const results: ReplayResult[] = [];
  const counts: Record<Replay, number> = await replayLedger({
    dir: folder,
    inputsDir: inputs,
    packageDir,
    signal: new AbortController().signal,
    onResult: (result) => results.push(result),
  });
  return Object.assign(Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0)), { results });
}

describe.skipIf(DATA_ABSENT)(`the record of an answer ${DATA_ABSENT || ''}`, () => {
  it('says what was seen, by what, and what came of it, and nothing of whom', async () => {
    const bytes = await lidcPng();
    let answer: Classification | undefined;
    const [entry, ...others] = await recorded(async (server) => {
      answer = await classify(server, bytes);
    });
    expect(others).toEqual([]);
    const { tensor } = toTensor(await decodeImage(bytes), RENDERING);
    expect(entry).toMatchObject({
      kind: 'image',
      route: '/v1/classify',
      caller: null,
      requestId: answer?.requestId,
      model: { name: 'lung', version: '7', digest: info.digest },
      contract: model.contract,
      input: { sha256: sha(bytes), frame: 0 },
      tensor: sha(new Uint8Array(tensor.buffer)),
      engine: { engine: 'onnxruntime', precision: 'float32', batch: 1, version: engine.facts.version },
      outcome: answer?.outcome,
      label: answer?.label,
    });
    expect(entry?.kind === 'image' && floats(entry.output)).toEqual(
      info.labels.map((label) => answer?.decision.raw[label]),
    );
  });

  it('of a series is one of each slice and one of them all', async () => {
    const names = (await readdir(seriesFolder()))
      .filter((name) => name.endsWith('.dcm'))
      .toSorted()
      .slice(0, 6);
    const form = new FormData();
    for (const name of names)
      form.append('file', new File([await readFile(join(seriesFolder(), name))], name));
    const sent = new Response(form);
    const payload = Buffer.from(await sent.arrayBuffer());
    let answer: Classification | undefined;
    const all = await recorded(async (server) => {
      answer = await classify(server, payload, { 'content-type': sent.headers.get('content-type') ?? '' });
    });
    const scored = answer?.series?.scored ?? 0;
    expect(scored).toBeGreaterThan(1);
    expect(all.map(({ kind }) => kind)).toEqual([...Array.from({ length: scored }, () => 'image'), 'series']);
    expect(all.at(-1)).toMatchObject({
      slices: { first: 1, count: scored },
      label: answer?.label,
      outcome: answer?.outcome,
    });
    for (const name of names) expect(JSON.stringify(all)).not.toContain(name);
    // And the slices come out again from the files of the series.
    for (const name of names)
      await writeFile(join(inputs, 'deep', name), await readFile(join(seriesFolder(), name)));
    expect(await replayed()).toMatchObject({ SAME: scored });
  });

  it('of a tensor names the tensor alone, whatever protocol it came by', async () => {
    const { tensor } = toTensor(await decodeImage(await lidcPng()), RENDERING);
    const data = [...tensor];
    const shape = [1, INPUT_SIZE, INPUT_SIZE, 3];
    const all = await recorded(async (server) => {
      const oip = { inputs: [{ name: 'image', datatype: 'FP32', shape, data }] };
      const infer = await server.app.inject({ method: 'POST', url: '/v2/models/lung/infer', payload: oip });
      expect(infer.statusCode, infer.body.slice(0, 300)).toBe(200);
      const nested = nest(data, shape);
      const scoring = await server.app.inject({
        method: 'POST',
        url: '/invocations',
        payload: { inputs: nested },
      });
      expect(scoring.statusCode, scoring.body.slice(0, 300)).toBe(200);
    });
    expect(all).toHaveLength(2);
    for (const entry of all)
      expect(entry).toMatchObject({ input: null, tensor: sha(new Uint8Array(tensor.buffer)) });
    await writeFile(join(inputs, 'a.f32'), new Uint8Array(tensor.buffer));
    expect(await replayed()).toMatchObject({ SAME: 2 });
  });

  it('of an explanation is one too, and is computed again to the bit', async () => {
    const bytes = await iqOthJpeg();
    const all = await recorded(async (server) => {
      const response = await server.app.inject({ method: 'POST', url: '/v1/explain', payload: bytes });
      expect(response.statusCode).toBe(200);
    });
    expect(all).toMatchObject([{ kind: 'image', route: '/v1/explain', input: { sha256: sha(bytes) } }]);
    await writeFile(join(inputs, 'explained'), bytes);
    expect(await replayed()).toMatchObject({ SAME: 1 });
  });

  it('is none where an image was refused', async () => {
    const all = await recorded(async (server) => {
      const refused = await server.app.inject({
        method: 'POST',
        url: '/v1/classify',
        payload: Buffer.from('x'),
      });
      expect(refused.statusCode).toBe(415);
    });
    expect(all).toEqual([]);
  });

  it('comes before the answer: without a ledger that can be written there is none', async () => {
    const bytes = await lidcPng();
    const all = await recorded(async (server) => {
      await classify(server, bytes);
      await rename(folder, `${folder}-away`);
      await writeFile(folder, 'in the way');
      const refused = await server.app.inject({ method: 'POST', url: '/v1/classify', payload: bytes });
      await chmod(folder, 0o600);
      await rename(folder, `${folder}-junk`);
      await rename(`${folder}-away`, folder);
      expect(refused.json()).toMatchObject({ status: 503, code: 'LEDGER_FAILED' });
      expect(refused.body).not.toContain('malignant');
      await classify(server, bytes);
    });
    expect(all).toHaveLength(2);
  });
});

describe.skipIf(DATA_ABSENT)(`replay ${DATA_ABSENT || ''}`, () => {
  it('reproduces every bit of real images, under other names, and names those that it cannot find', async () => {
    const pictures = await Promise.all((await lidcPictures(8)).map(async (path) => readFile(path)));
    const all = [...pictures, await ctSlice(), await iqOthJpeg()];
    const said = await recorded(async (server) => {
      for (const bytes of all) await classify(server, bytes);
    });
    expect(said).toHaveLength(10);
    for (const [at, bytes] of all.slice(1).entries()) await writeFile(join(inputs, 'deep', `${at}`), bytes);
    const { results, ...counts } = await replayed();
    expect(counts).toEqual({ SAME: 9, INPUT_NOT_FOUND: 1 });
    expect(results.find(({ replay }) => replay === 'INPUT_NOT_FOUND')?.seq).toBe(1);
  });

  it('reproduces with each number of threads what was computed with so many', async () => {
    const bytes = await lidcPng();
    await writeFile(join(inputs, 'x'), bytes);
    for (const threads of [1, 2]) {
      const other = await startEngine(info.dir, new AbortController().signal, {
        kind: 'onnxruntime',
        threads,
        lanes: 1,
      });
      const [entry] = (
        await recorded(async (server) => void (await classify(server, bytes)), {
          engine: other,
          model: { ...model, engine: other.facts },
        })
      ).slice(-1);
      await other.close();
      expect(entry).toMatchObject({ engine: { threads } });
    }
    expect(await replayed()).toMatchObject({ SAME: 2 });
  });

  it.each([
    ['onnxruntime', 'int8'],
    ['wasm', 'float32'],
    ['tensorflow', 'float32'],
  ] as const)('reproduces what %s computed in %s, by the same engine', async (kind, precision) => {
    const bytes = await lidcPng();
    await writeFile(join(inputs, 'x'), bytes);
    const { tensor } = toTensor(await decodeImage(bytes), RENDERING);
    const place = join(dir.path, `package-${kind}`);
    const other = await writeRealPackage(place, RENDERING, precision === 'int8' ? tensor : undefined);
    const by = await startEngine(place, new AbortController().signal, { kind, precision });
    const [entry] = await recorded(async (server) => void (await classify(server, bytes)), {
      engine: by,
      model: { ...servedAs(other, RENDERING), engine: by.facts },
    });
    await by.close();
    expect(entry).toMatchObject({ engine: { engine: kind, precision } });
    expect(await replayed(place)).toMatchObject({ SAME: 1 });
  });

  it('computes alone what was computed together, within 1e-5, and says so', async () => {
    const pictures = await Promise.all((await lidcPictures(6)).map(async (path) => readFile(path)));
    const held = Promise.withResolvers<undefined>();
    const together = { ...model, engine: { ...engine.facts, maxBatch: 4, lanes: 1 } };
    const said = await recorded(
      async (server) => {
        const answers = pictures.map(async (bytes) => classify(server, bytes));
        while (!(await depthOf(server)).endsWith(' 5')) await tick();
        held.resolve(undefined);
        await Promise.all(answers);
      },
      { model: together, gate: () => held.promise, limits: { queue: 16 } },
    );
    const batches = said.map((entry) => (entry.kind === 'image' ? entry.engine.batch : 0));
    expect(Math.max(...batches)).toBeGreaterThan(1);
    for (const [at, bytes] of pictures.entries()) await writeFile(join(inputs, String(at)), bytes);
    const { results, ...counts } = await replayed();
    expect((counts['SAME'] ?? 0) + (counts['WITHIN_TOLERANCE'] ?? 0)).toBe(6);
    const alone = results.filter(({ seq }) => batches[seq - 1] === 1);
    expect(alone.map(({ replay }) => replay)).toEqual(alone.map(() => 'SAME'));
  });

  it('finds an output that was changed by somebody who made the chain fit', async () => {
    const bytes = await lidcPng();
    await writeFile(join(inputs, 'x'), bytes);
    const [entry] = await recorded(async (server) => void (await classify(server, bytes)));
    if (entry?.kind !== 'image') throw new Error('no entry');
    const { v: _v, seq: _seq, time, previous: _previous, hash: _hash, ...facts } = entry;
    const output = `${facts.output.slice(0, -8)}00000000`;
    const { line, head } = seal({ ...facts, output }, START, time);
    await writeFile(join(folder, (await filesOf(folder))[0] ?? ''), `${line}\n`);
    await writeFile(join(folder, 'head.json'), JSON.stringify(head));
    expect(await replayed()).toMatchObject({ DIFFERENT: 1 });
  });

  it('compares nothing with another model, and says so', async () => {
    const bytes = await lidcPng();
    await writeFile(join(inputs, 'x'), bytes);
    const digest = `sha256:${'0'.repeat(64)}`;
    await recorded(async (server) => void (await classify(server, bytes)), {
      model: { ...model, info: { ...info, digest } },
    });
    expect(await replayed()).toMatchObject({ OTHER_MODEL: 1 });
  });

  it('refuses a ledger whose chain is broken', async () => {
    await recorded(async (server) => void (await classify(server, await lidcPng())));
    const file = join(folder, (await filesOf(folder))[0] ?? '');
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replace('malignant', 'mAlignant').replace('benign', 'bEnign'),
    );
    await expect(replayed()).rejects.toMatchObject({ code: 'LEDGER_DAMAGED' });
  });
});

function depthOf({ registry }: Harness): Promise<string> {
  return registry.getSingleMetricAsString('hilum_queue_depth');
}

async function tick(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function nest(data: readonly number[], shape: readonly number[]): unknown {
  const [, rows = 0, columns = 0, channels = 0] = shape;
  return [
    Array.from({ length: rows }, (_r, y) =>
      Array.from({ length: columns }, (_c, x) =>
        data.slice((y * columns + x) * channels, (y * columns + x + 1) * channels),
      ),
    ),
  ];
}
