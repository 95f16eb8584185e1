import { closeDecoders, contractSchema, decodeImage, defaultContract, toTensor } from '@hilum/imaging';
import { type Classifier, type PackageInfo, loadClassifier, loadEngine } from '@hilum/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  INPUT_SIZE,
  RENDERING,
  ctSlice,
  headSlice,
  iqOthJpeg,
  lidcPng,
  mrSlice,
  photoOfCat,
  scratch,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { type Harness, harness } from '../../test/harness.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';
import { classificationSchema, problemSchema } from '@hilum/wire';

let dir: Awaited<ReturnType<typeof scratch>>;
let info: PackageInfo;
let classifier: Classifier;
let engine: Engine;
let server: Harness;

beforeAll(async () => {
  dir = await scratch();
  info = await writeRealPackage(dir.path);
  classifier = await loadClassifier(await loadEngine(), dir.path);
  engine = await startEngine(dir.path, new AbortController().signal);
  server = await harness({ engine, model: servedAs(info, RENDERING) });
});

afterAll(async () => {
  await server.close();
  await engine.close();
  classifier.dispose();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

async function post(payload: Buffer, headers: Record<string, string> = {}, to: Harness = server) {
  const response = await to.app.inject({ method: 'POST', url: '/v1/classify', payload, headers });
  return {
    status: response.statusCode,
    headers: response.headers,
    body: response.json<Record<string, unknown>>(),
  };
}

async function refusal(payload: Buffer, headers: Record<string, string> = {}, to: Harness = server) {
  const { status, headers: sent, body } = await post(payload, headers, to);
  expect(sent['content-type']).toBe('application/problem+json; charset=utf-8');
  const problem = problemSchema.strict().parse(body);
  expect(problem.status).toBe(status);
  expect(problem.type).toBe(`urn:hilum:error:${problem.code}`);
  return { status, code: problem.code, detail: problem.detail };
}

async function expected(bytes: Buffer): Promise<number[]> {
  const { tensor } = toTensor(await decodeImage(bytes), RENDERING);
  return [...classifier.predict(tensor, 1)];
}

const slice = (): Promise<Buffer> => ctSlice();

describe.skipIf(DATA_ABSENT)(`POST /v1/classify with real images ${DATA_ABSENT || ''}`, () => {
  it.each([
    ['a LIDC nodule as PNG', lidcPng, 'png', []],
    ['an IQ-OTH slice as JPEG', iqOthJpeg, 'jpeg', []],
    ['a DICOM slice, rendered by the contract', slice, 'dicom', ['RENDERED']],
  ])('answers %s as the classifier alone does', async (_, load, format, warnings) => {
    const bytes = await load();
    const { status, body } = await post(bytes, { 'content-type': 'application/octet-stream' });
    expect(status).toBe(200);
    const answer = classificationSchema.strict().parse(body);
    const want = await expected(bytes);
    expect(Object.keys(answer.probabilities)).toEqual(['benign', 'malignant']);
    for (const [index, p] of Object.values(answer.probabilities).entries()) {
      expect(Math.abs(p - (want[index] ?? Number.NaN))).toBeLessThan(1e-6);
    }
    expect(answer.probability).toBe(Math.max(...Object.values(answer.probabilities)));
    expect(answer.probabilities[answer.label]).toBe(answer.probability);
    expect(answer.positive).toMatchObject({
      label: 'malignant',
      probability: answer.probabilities['malignant'],
    });
    expect(answer.image.format).toBe(format);
    expect(answer.warnings.map(({ code }) => code)).toEqual(warnings);
    expect(answer.model).toEqual({ name: 'lung', version: '7', digest: info.digest });
  });

  it('tells the images apart', async () => {
    const answers = await Promise.all([lidcPng, iqOthJpeg, slice].map(async (load) => post(await load())));
    const positives = answers.map(({ body }) => classificationSchema.parse(body).positive.probability);
    // Far from each other and from certain: the comparisons above could otherwise not fail.
    const [low = 0, middle = 0, high = 0] = positives.toSorted((a, b) => a - b);
    expect(low).toBeGreaterThan(0.001);
    expect(middle - low).toBeGreaterThan(0.001);
    expect(high - middle).toBeGreaterThan(0.001);
    expect(high).toBeLessThan(0.999);
  });

  it('goes by the bytes, not by the declared type', async () => {
    const { body } = await post(await lidcPng(), { 'content-type': 'application/dicom' });
    expect(classificationSchema.parse(body).image.format).toBe('png');
  });

  it('takes the one file of a form, as curl -F sends it', async () => {
    const bytes = await lidcPng();
    const form = new FormData();
    form.append('file', new Blob([bytes]), 'a.png');
    const sent = new Response(form);
    const { status, body } = await post(Buffer.from(await sent.arrayBuffer()), {
      'content-type': sent.headers.get('content-type') ?? '',
    });
    expect(status).toBe(200);
    const raw = classificationSchema.parse((await post(bytes)).body);
    expect(classificationSchema.parse(body).probabilities).toEqual(raw.probabilities);
  });

  it('gives each of many simultaneous requests its own answer', async () => {
    const wide = await harness({ engine, model: servedAs(info, RENDERING), limits: { queue: 30 } });
    const images = await Promise.all([lidcPng(), iqOthJpeg(), ctSlice()]);
    const want = await Promise.all(images.map(expected));
    const answers = await Promise.all(
      Array.from({ length: 18 }, (_, n) => post(images[n % 3] as Buffer, {}, wide)),
    );
    for (const [n, { body }] of answers.entries()) {
      const { positive } = classificationSchema.parse(body);
      expect(Math.abs(positive.probability - (want[n % 3]?.[1] ?? Number.NaN))).toBeLessThan(1e-6);
    }
    await wide.close();
  });

  it('refuses a DICOM slice where the contract names no window', async () => {
    const plain = await harness({ engine, model: servedAs(info, defaultContract('grey', INPUT_SIZE)) });
    expect(await refusal(await ctSlice(), {}, plain)).toMatchObject({
      status: 422,
      code: 'CONTRACT_MISMATCH',
    });
    await plain.close();
  });

  it('refuses a picture where the model reads Hounsfield units', async () => {
    const hu = await harness({ engine, model: servedAs(info, defaultContract('hu', INPUT_SIZE)) });
    expect(await refusal(await lidcPng(), {}, hu)).toMatchObject({ status: 422, code: 'CONTRACT_MISMATCH' });
    const { body } = await post(await ctSlice(), {}, hu);
    expect(classificationSchema.parse(body).warnings).toEqual([]);
    await hu.close();
  });

  it('refuses a slice in which no lung is seen where the model is one of chest slices', async () => {
    const hu = await harness({ engine, model: servedAs(info, defaultContract('hu', INPUT_SIZE)) });
    expect(await refusal(await headSlice(), {}, hu)).toEqual({
      status: 422,
      code: 'NOT_CHEST',
      detail: 'No lung is seen in the slice.',
    });
    await hu.close();
  });

  it('refuses a slice of the head where the model is one of CT pictures and renders slices of the chest', async () => {
    expect(await refusal(await headSlice())).toMatchObject({ status: 422, code: 'NOT_CHEST' });
  });

  it('refuses a photograph where the model is one of CT pictures, and not where it is one of anything', async () => {
    expect(await refusal(await photoOfCat())).toEqual({
      status: 422,
      code: 'OUT_OF_DOMAIN',
      detail: 'The picture does not look like a CT slice: it is in colour.',
    });
    const any = contractSchema.parse({ ...RENDERING, domain: 'any' });
    const open = await harness({ engine, model: servedAs(info, any) });
    expect((await post(await photoOfCat(), {}, open)).status).toBe(200);
    await open.close();
  });

  it('refuses a DICOM file that was cut in the middle', async () => {
    const bytes = await ctSlice();
    const { status, code } = await refusal(bytes.subarray(0, bytes.length / 2));
    expect([status, code]).toEqual([422, 'TRUNCATED']);
  });

  it('refuses a DICOM file of another modality', async () => {
    expect(await refusal(await mrSlice())).toMatchObject({ status: 422, code: 'NOT_CT' });
  });

  it('logs what happened, without a value of the file, a name, or a result', async () => {
    const bytes = await ctSlice();
    await post(bytes);
    await refusal(bytes.subarray(0, bytes.length / 2), { 'x-patient': 'LungFCP' });
    const log = server.logged();
    const lines = log
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const done = lines.find((line) => line['msg'] === 'request answered' && line['format'] === 'dicom');
    expect(done).toMatchObject({ code: 'OK', rows: 512, columns: 512, digest: info.digest });
    expect(done?.['requestId']).toMatch(/^[0-9a-f-]{36}$/);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'request refused', code: 'TRUNCATED', status: 422 }),
    );
    // Printable text of the header: names, identifiers, dates and UIDs of this study.
    const values =
      bytes
        .subarray(0, 4_000)
        .toString('latin1')
        .match(/[A-Za-z0-9.^-]{8,}/g) ?? [];
    expect(values.length).toBeGreaterThan(10);
    for (const value of values) expect(log).not.toContain(value);
    expect(log).not.toMatch(/malignant|benign|LungFCP|\.dcm/);
  });
});

describe('POST /v1/classify with what is no image', () => {
  it.each([
    ['a text file', Buffer.from('hello, this is no image at all\n'.repeat(20)), {}, 415, 'NOT_AN_IMAGE'],
    ['an empty body', Buffer.alloc(0), {}, 400, 'BODY_EMPTY'],
    ['an empty body of a declared type', Buffer.alloc(0), { 'content-type': 'image/png' }, 400, 'BODY_EMPTY'],
    [
      'a compressed body',
      Buffer.from('x'),
      { 'content-encoding': 'gzip' },
      415,
      'CONTENT_ENCODING_UNSUPPORTED',
    ],
    [
      'a type header that is none',
      Buffer.from('x'),
      { 'content-type': 'dicom' },
      415,
      'CONTENT_TYPE_INVALID',
    ],
    ['a JSON body', Buffer.from('{}'), { 'content-type': 'application/json' }, 415, 'NOT_AN_IMAGE'],
    ['a body of a byte too many', Buffer.alloc(2_000_001), {}, 413, 'BODY_TOO_LARGE'],
    [
      'a form that is none',
      Buffer.from('x'),
      { 'content-type': 'multipart/form-data; boundary=b' },
      400,
      'MULTIPART_INVALID',
    ],
  ])('refuses %s', async (_, payload, headers, status, code) => {
    expect(await refusal(payload, headers as Record<string, string>)).toMatchObject({ status, code });
  });

  it('refuses a form without a file, and says so', async () => {
    const form = new FormData();
    form.append('a', 'a word');
    const sent = new Response(form);
    const type = { 'content-type': sent.headers.get('content-type') ?? '' };
    expect(await refusal(Buffer.from(await sent.arrayBuffer()), type)).toMatchObject({
      code: 'MULTIPART_INVALID',
      detail: 'the form holds no file',
    });
  });

  it('says that the method is another one, and that an address is none', async () => {
    const get = await server.app.inject({ method: 'GET', url: '/v1/classify' });
    expect([get.statusCode, get.headers['allow'], get.json<{ code: string }>().code]).toEqual([
      405,
      'POST',
      'METHOD_NOT_ALLOWED',
    ]);
    const none = await server.app.inject({ method: 'GET', url: '/v1/nothing' });
    expect([none.statusCode, none.json<{ code: string }>().code]).toEqual([404, 'NOT_FOUND']);
  });
});
