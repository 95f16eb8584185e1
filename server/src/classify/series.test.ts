/** Whole series, as parts of a form and as a zip: real slices of one patient, a real network. */
import { execFile } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { closeDecoders } from '@hilum/imaging';
import type { PackageInfo } from '@hilum/model';
import { type Classification, classificationSchema, problemSchema } from '@hilum/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  RENDERING,
  ctSlice,
  headSlice,
  lidcPng,
  mrSlice,
  scratch,
  seriesFolder,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { decided } from '../../test/decision.ts';
import { type Harness, harness } from '../../test/harness.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let info: PackageInfo;
let engine: Engine;
let server: Harness;
let slices: readonly File[] = [];

beforeAll(async () => {
  dir = await scratch();
  info = await writeRealPackage(dir.path);
  engine = await startEngine(dir.path, new AbortController().signal);
  server = await harness({ engine, model: servedAs(info, RENDERING) });
  if (DATA_ABSENT !== false) return;
  const folder = seriesFolder();
  const names = (await readdir(folder)).filter((name) => name.endsWith('.dcm')).toSorted();
  slices = await Promise.all(names.map(async (name) => new File([await readFile(join(folder, name))], name)));
});

afterAll(async () => {
  await server.close();
  await engine.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

async function postForm(files: readonly File[], to: Harness = server) {
  const form = new FormData();
  for (const file of files) form.append('file', file);
  const sent = new Response(form);
  return to.app.inject({
    method: 'POST',
    url: '/v1/classify',
    headers: { 'content-type': sent.headers.get('content-type') ?? '' },
    payload: Buffer.from(await sent.arrayBuffer()),
  });
}

async function answered(files: readonly File[], to: Harness = server): Promise<Classification> {
  const response = await postForm(files, to);
  expect(response.statusCode, response.body.slice(0, 300)).toBe(200);
  return classificationSchema.strict().parse(response.json());
}

async function refused(files: readonly File[], to: Harness = server) {
  const problem = problemSchema.strict().parse((await postForm(files, to)).json());
  return { code: problem.code, status: problem.status, detail: problem.detail };
}

/** What does not depend on the clock. */
function result(said: Classification): unknown {
  return { ...said, timings: null, requestId: null };
}

const fileOf = (bytes: Buffer, name: string): File => new File([new Uint8Array(bytes)], name);

describe.skipIf(DATA_ABSENT)(`a series at POST /v1/classify ${DATA_ABSENT || ''}`, () => {
  it('is scored slice by slice and answered as one, with the slice that decided', async () => {
    const said = await answered(slices);
    const alone: Record<string, number>[] = [];
    for (const slice of slices) alone.push((await answered([slice])).decision.raw);
    const highest = alone.map((raw) => raw['malignant'] ?? 0).toSorted((a, b) => b - a);
    const { series, decision } = said;
    expect(said.image).toEqual({ format: 'dicom', rows: 512, columns: 512 });
    expect(decision.level).toBe('unit');
    expect([series?.slices, series?.scored]).toEqual([slices.length, slices.length]);
    expect(series?.rule).toBe('mean of the 3 highest slices (the model names no rule)');
    const top3 = highest.slice(0, 3).reduce((sum, p) => sum + p, 0) / 3;
    expect(decision.raw['malignant']).toBeCloseTo(top3, 6);
    // Else neither the mean nor the slice could be the wrong one.
    expect((highest[0] ?? 0) - (highest.at(-1) ?? 0)).toBeGreaterThan(1e-4);
    const deciding = slices.findIndex(({ name }) => name === series?.deciding.name);
    expect(series?.deciding.raw['malignant']).toBeCloseTo(highest[0] ?? 0, 6);
    expect(alone[deciding]?.['malignant']).toBeCloseTo(highest[0] ?? 0, 6);
    expect(series?.deciding.frame).toBe(0);
    expect(series?.deciding.positionMm).toEqual(expect.any(Number));
    expect(said.timings.inferMs).toBeGreaterThan(0);
  });

  it('is the same in any order, under any names, as a form or as a zip', async () => {
    const want = await answered(slices);
    expect(result(await answered(slices.toReversed()))).toEqual(result(want));
    const zip = await zipOf(slices);
    const response = await server.app.inject({ method: 'POST', url: '/v1/classify', payload: zip });
    // An octet stream of a zip may have no more bytes than an image.
    expect(problemSchema.parse(response.json()).code).toBe('BODY_TOO_LARGE');
    const typed = await server.app.inject({
      method: 'POST',
      url: '/v1/classify',
      headers: { 'content-type': 'application/zip' },
      payload: zip,
    });
    const said = classificationSchema.strict().parse(typed.json());
    expect(result(said)).toEqual(result(want));
    expect(result(await answered([fileOf(zip, 'study.zip')]))).toEqual(result(want));
  });

  it('is answered by the thresholds and the rule of a series where the package has them', async () => {
    const operatingPoint = {
      threshold: 0,
      chosenBy: { rule: 'youden' },
      sensitivity: 1,
      specificity: 0,
    } as const;
    const decision = decided(info, { unit: { operatingPoint }, aggregation: { unit: 'max' } });
    const server = await harness({ engine, model: servedAs({ ...info, decision }, RENDERING) });
    const said = await answered(slices.slice(0, 3), server);
    expect(said.series?.rule).toBe('the highest slice (the model’s own rule)');
    expect(said.decision.raw).toEqual(said.series?.deciding.raw);
    expect([said.positive.called, said.decision.operatingPoint?.threshold]).toEqual([true, 0]);
    expect(said.warnings.map(({ code }) => code)).not.toContain('SERIES_LONGER');
    // Of units of one slice, that is: a threshold does not hold for any number of them.
    const { warnings } = await answered(slices.slice(0, 4), server);
    expect(warnings).toContainEqual({
      code: 'SERIES_LONGER',
      message:
        'The series has 4 slices; temperature and thresholds were learnt on units of 1.0 on average, and say little of so many.',
    });
    await server.close();
  });

  it('leaves out what is no slice of it, by the names that the client gave, and logs none of them', async () => {
    const files = [
      ...slices.slice(0, 4),
      fileOf(await mrSlice(), 'Doe^Jane.dcm'),
      fileOf(Buffer.from('a report'), 'report.txt'),
      fileOf(Buffer.from('a folder of a medium'), 'DICOMDIR'),
      fileOf(Buffer.from('a fork'), '__MACOSX/._1.dcm'),
    ];
    const { series } = await answered(files);
    expect(series?.refused.map(({ name, code }) => [name, code])).toEqual([
      ['Doe^Jane.dcm', 'NOT_CT'],
      ['report.txt', 'NOT_AN_IMAGE'],
    ]);
    expect(series?.slices).toBe(4);
    expect(server.logged()).not.toMatch(/Doe|report\.txt|\.dcm/);
    expect(server.logged()).toContain('"slices":4');
  });

  it('is refused with a hole in it, which is a result', async () => {
    const { code, status } = await refused([...slices.slice(0, 4), ...slices.slice(8, 12)]);
    expect([code, status]).toEqual(['SERIES_GAP', 422]);
  });

  it('is refused where the files are of two, and says of how many', async () => {
    expect(await refused([...slices.slice(0, 2), fileOf(await headSlice(), 'head.dcm')])).toEqual({
      code: 'SERIES_SEVERAL',
      status: 422,
      detail: 'the files are of 2 series; send one at a time',
    });
  });

  it('is refused where none of it is CT, and where it is pictures', async () => {
    const mr = await mrSlice();
    const two = [fileOf(mr, 'a.dcm'), fileOf(mr, 'b.dcm')];
    expect(await refused(two)).toMatchObject({ code: 'NOT_CT', status: 422 });
    const png = await lidcPng();
    expect(await refused([fileOf(png, 'a.png'), fileOf(png, 'b.png')])).toMatchObject({
      code: 'SERIES_OF_PICTURES',
      status: 422,
    });
    expect(await refused([fileOf(Buffer.from('a'), 'a'), fileOf(mr, 'b.dcm')])).toMatchObject({
      code: 'SERIES_EMPTY',
      detail: 'None of 2 files is a slice of CT: NOT_AN_IMAGE (1), NOT_CT (1).',
    });
  });

  it('takes a zip of one image for that image', async () => {
    const zip = await zipOf([fileOf(await lidcPng(), 'a.png')]);
    const said = await answered([fileOf(zip, 'a.zip')]);
    expect([said.image.format, said.series]).toEqual(['png', null]);
    const slice = await zipOf([fileOf(await ctSlice(), 'a.dcm')]);
    expect((await answered([fileOf(slice, 'a.zip')])).decision.level).toBe('image');
  });

  it('lets go of the queue when a slice cannot be decoded in the middle', async () => {
    const bytes = Buffer.from(await (slices[5] as File).arrayBuffer());
    const cut = fileOf(bytes.subarray(0, bytes.length - 1000), 'cut.dcm');
    expect(await refused(slices.map((slice, at) => (at === 5 ? cut : slice)))).toMatchObject({
      status: 422,
    });
    expect((await answered(slices.slice(0, 2))).series?.scored).toBe(2);
    await server.idle();
  });
});

/** By the zip that people have. */
async function zipOf(files: readonly File[]): Promise<Buffer> {
  const folder = await scratch();
  try {
    for (const file of files)
      await writeFile(join(folder.path, file.name), Buffer.from(await file.arrayBuffer()));
    const script =
      'import sys, zipfile, os\nz = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED)\n[z.write(f, os.path.basename(f)) for f in sys.argv[2:]]\nz.close()';
    const path = join(folder.path, 'all.zip');
    await promisify(execFile)('python3', [
      '-c',
      script,
      path,
      ...files.map(({ name }) => join(folder.path, name)),
    ]);
    return readFile(path);
  } finally {
    await folder[Symbol.asyncDispose]();
  }
}
