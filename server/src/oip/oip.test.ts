import { closeDecoders } from '@hilum/imaging';
import { type Classifier, type PackageInfo, loadClassifier, loadEngine } from '@hilum/model';
import { inferResponseSchema, modelMetadataSchema, oipProblemSchema } from '@hilum/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  INPUT_SIZE,
  RENDERING,
  ctSlice,
  iqOthJpeg,
  lidcPng,
  photoOfCat,
  scratch,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { decided } from '../../test/decision.ts';
import { type Harness, harness } from '../../test/harness.ts';
import { PIXELS, bytesOf, distance, nestedImages, twoImages, withBytes } from '../../test/tensors.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';

const INFER = '/v2/models/lung/infer';
const SHAPE = [INPUT_SIZE, INPUT_SIZE, 3];

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

const get = (url: string) => server.app.inject({ method: 'GET', url });

const post = (payload: object | string | Buffer, headers: Record<string, string> = {}, url = INFER) =>
  server.app.inject({ method: 'POST', url, payload, headers });

const image = (n: number, data: unknown): object => ({
  name: 'image',
  datatype: 'FP32',
  shape: [n, ...SHAPE],
  data,
});

const black = (n = 1): number[] => Array.from({ length: n * PIXELS }, () => 0);

async function refusal(...asked: Parameters<typeof post>) {
  const response = await post(...asked);
  expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const { error, status, code, detail } = oipProblemSchema.strict().parse(response.json());
  expect([status, error]).toEqual([response.statusCode, detail]);
  return { status, code, detail };
}

describe('what the server says of itself', () => {
  it('is its name and extensions, at both addresses that the texts have', async () => {
    for (const url of ['/v2', '/v2/']) {
      expect((await get(url)).json()).toMatchObject({
        name: 'hilum',
        extensions: ['binary_tensor_data', 'model_repository_index'],
      });
    }
  });

  it('is the model by its name and by its version, with engine, digests and notice', async () => {
    for (const url of ['/v2/models/lung', '/v2/models/lung/versions/7']) {
      const told = modelMetadataSchema.strict().parse((await get(url)).json());
      expect(told).toMatchObject({
        name: 'lung',
        versions: ['7'],
        inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, ...SHAPE] }],
        outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 2] }],
        parameters: {
          labels: 'benign,malignant',
          digest: info.digest,
          notice: 'Research use only, not for diagnosis.',
        },
      });
      expect((await get(`${url}/ready`)).json()).toEqual({ name: 'lung', ready: true });
    }
  });

  it.each(['/v2/models/other', '/v2/models/lung/versions/8', '/v2/models/other/ready', '/v2/models/Lung'])(
    'is not another model: %s',
    async (url) => {
      const response = await get(url);
      expect(oipProblemSchema.parse(response.json())).toMatchObject({ status: 404, code: 'MODEL_UNKNOWN' });
    },
  );

  it('is an index of one model, which is neither loaded nor unloaded', async () => {
    const index = await post('{"ready":true}', {}, '/v2/repository/index');
    expect(index.json()).toEqual([{ name: 'lung', version: '7', state: 'READY', reason: '' }]);
    expect((await post('', {}, '/v2/repository/index')).json()).toHaveLength(1);
    for (const verb of ['load', 'unload']) {
      expect(await refusal('{}', {}, `/v2/repository/models/lung/${verb}`)).toMatchObject({
        status: 400,
        code: 'REPOSITORY_FIXED',
      });
    }
  });

  it('is not ready while the model is on its way, and then has no model at all', async () => {
    server.setState({ code: 'DOWNLOADING', message: 'downloading lung' });
    for (const url of ['/v2/models/lung', '/v2/models/lung/ready']) {
      const response = await get(url);
      expect(oipProblemSchema.parse(response.json())).toMatchObject({ status: 503, code: 'MODEL_NOT_READY' });
    }
    expect((await post('', {}, '/v2/repository/index')).json()).toEqual([]);
    expect(await refusal({ inputs: [image(1, black())] })).toMatchObject({ code: 'MODEL_NOT_READY' });
    server.setState({ code: 'READY', message: 'ready', model: servedAs(info, RENDERING) });
  });
});

describe.skipIf(DATA_ABSENT)(`an inference of two real images ${DATA_ABSENT || ''}`, () => {
  const forms: [string, (values: Float32Array) => ReturnType<typeof post>][] = [
    ['flat in JSON', (values) => post({ inputs: [image(2, [...values])] })],
    ['nested in JSON', (values) => post({ inputs: [image(2, nestedImages(values))] })],
    [
      'as bytes behind the JSON',
      (values) => {
        const { payload, headers } = withBytes(
          { inputs: [{ ...image(2, undefined), parameters: { binary_data_size: values.byteLength } }] },
          bytesOf(values),
        );
        return post(payload, headers);
      },
    ],
  ];
  it.each(forms)('%s is what the classifier alone says', async (_, ask) => {
    const values = await twoImages();
    const answer = inferResponseSchema.parse((await ask(values)).json());
    expect(answer).toMatchObject({ model_name: 'lung', model_version: '7' });
    expect(answer.parameters['notice']).toBe('Research use only, not for diagnosis.');
    const [output] = answer.outputs;
    expect(output).toMatchObject({ name: 'probabilities', datatype: 'FP32', shape: [2, 2] });
    expect(distance(output?.data ?? [], classifier.predict(values, 2))).toBeLessThan(1e-6);
  });

  it('as files is what the classifier says of their tensors, in JSON and as bytes', async () => {
    const files = await Promise.all([lidcPng(), iqOthJpeg()]);
    const want = classifier.predict(await twoImages(), 2);
    const encoded = { name: 'encoded', datatype: 'BYTES', shape: [2] };
    const data = files.map((file) => file.toString('base64'));
    const json = inferResponseSchema.parse((await post({ inputs: [{ ...encoded, data }] })).json());
    expect(distance(json.outputs[0]?.data ?? [], want)).toBeLessThan(1e-6);
    const parts = files.flatMap((file) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(file.byteLength);
      return [length, file];
    });
    const size = parts.reduce((sum, part) => sum + part.byteLength, 0);
    const { payload, headers } = withBytes(
      { inputs: [{ ...encoded, parameters: { binary_data_size: size } }] },
      ...parts,
    );
    const binary = inferResponseSchema.parse((await post(payload, headers)).json());
    expect(distance(binary.outputs[0]?.data ?? [], want)).toBeLessThan(1e-6);
  });

  it('comes back as bytes where it was asked for so, with the length of the JSON in the header', async () => {
    const values = await twoImages();
    const response = await post({
      id: 'mine',
      inputs: [image(2, [...values])],
      parameters: { binary_data_output: true },
    });
    expect(response.headers['content-type']).toBe('application/octet-stream');
    const length = Number(response.headers['inference-header-content-length']);
    const answer = inferResponseSchema.parse(JSON.parse(response.rawPayload.subarray(0, length).toString()));
    expect(answer.id).toBe('mine');
    expect(answer.outputs[0]).toMatchObject({ parameters: { binary_data_size: 16 } });
    const bytes = new Uint8Array(response.rawPayload.subarray(length));
    expect(distance([...new Float32Array(bytes.buffer)], classifier.predict(values, 2))).toBeLessThan(1e-6);
  });

  it('names the image that a refusal is about', async () => {
    const files = [await lidcPng(), await photoOfCat()].map((file) => file.toString('base64'));
    const encoded = { name: 'encoded', datatype: 'BYTES', shape: [2], data: files };
    const { status, code, detail } = await refusal({ inputs: [encoded] });
    expect([status, code]).toEqual([422, 'OUT_OF_DOMAIN']);
    expect(detail).toMatch(/^image 1: /);
  });

  it('of a DICOM slice is rendered by the contract', async () => {
    const data = [(await ctSlice()).toString('base64')];
    const response = await post({ inputs: [{ name: 'encoded', datatype: 'BYTES', shape: [1, 1], data }] });
    expect(response.statusCode).toBe(200);
  });

  it('leaves neither the id nor a result in the log', async () => {
    const values = await twoImages();
    const response = await post({ id: 'PATIENT-0815', inputs: [image(2, [...values])] });
    const [p = 0] = inferResponseSchema.parse(response.json()).outputs[0]?.data ?? [];
    expect(server.logged()).not.toContain('PATIENT-0815');
    expect(server.logged()).not.toContain(String(p));
  });
});

describe('a package that was calibrated', () => {
  it('has one more output, at the temperature that it was fitted with', async () => {
    const temperature = { temperature: 0.5, nllBefore: 1, nllAfter: 1, samples: 9, atLimit: false };
    const decision = decided(info, { image: { temperature } });
    const model = servedAs({ ...info, decision }, RENDERING);
    const calibrated = await harness({ engine, model });
    const payload = { inputs: [image(1, black())] };
    const response = await calibrated.app.inject({ method: 'POST', url: INFER, payload });
    const { outputs } = inferResponseSchema.parse(response.json());
    expect(outputs.map((output) => output.name)).toEqual(['probabilities', 'calibrated']);
    const [raw = [], fitted = []] = outputs.map((output) => output.data ?? []);
    // At a temperature of a half, probabilities go as their squares.
    const squares = raw.map((p) => p ** 2);
    const sum = squares.reduce((so, square) => so + square, 0);
    expect(
      distance(
        fitted,
        squares.map((square) => square / sum),
      ),
    ).toBeLessThan(1e-6);
    expect(Math.abs((raw[0] ?? 0) - (fitted[0] ?? 0))).toBeGreaterThan(1e-4);
    await calibrated.close();
  });
});

describe('more images than the queue has room for', () => {
  it('are answered in turns, so that other requests still find room', async () => {
    const narrow = await harness({ engine, model: servedAs(info, RENDERING), limits: { queue: 2 } });
    const shape = [9, ...SHAPE];
    const { payload, headers } = withBytes(
      {
        inputs: [
          { name: 'image', datatype: 'FP32', shape, parameters: { binary_data_size: 9 * PIXELS * 4 } },
        ],
      },
      Buffer.alloc(9 * PIXELS * 4),
    );
    const response = await narrow.app.inject({ method: 'POST', url: INFER, payload, headers });
    expect(inferResponseSchema.parse(response.json()).outputs[0]?.shape).toEqual([9, 2]);
    await narrow.close();
  });
});

const flat = (change: object): object => ({ inputs: [{ ...image(1, black()), ...change }] });

describe('a request that does not fit', () => {
  const cases: [string, () => object | string, string][] = [
    ['is no JSON', () => '{"inputs":[', 'JSON_INVALID'],
    ['is another JSON', () => '[]', 'JSON_INVALID'],
    ['has no inputs', () => ({}), 'JSON_INVALID'],
    ['has two inputs', () => ({ inputs: [image(1, black()), image(1, black())] }), 'TENSOR_INVALID'],
    ['has an input of another name', () => flat({ name: 'x' }), 'TENSOR_UNKNOWN'],
    ['has an input of another datatype', () => flat({ datatype: 'INT32' }), 'TENSOR_INVALID'],
    ['has an image of another size', () => flat({ shape: [1, 8, 8, 3], data: [] }), 'TENSOR_INVALID'],
    ['has no image', () => flat({ shape: [0, ...SHAPE], data: [] }), 'TENSOR_INVALID'],
    ['has too many images', () => flat({ shape: [65, ...SHAPE], data: [] }), 'BATCH_TOO_LARGE'],
    ['has a shape that overflows', () => flat({ shape: [2 ** 52, ...SHAPE], data: [] }), 'BATCH_TOO_LARGE'],
    ['has too few values', () => flat({ data: black().slice(1) }), 'TENSOR_INVALID'],
    ['has no data', () => flat({ data: undefined }), 'TENSOR_INVALID'],
    ['has text for a number', () => flat({ data: ['0', ...black().slice(1)] }), 'TENSOR_INVALID'],
    ['has null for a number', () => flat({ data: [null, ...black().slice(1)] }), 'TENSOR_INVALID'],
    ['has what float32 cannot hold', () => flat({ data: [1e300, ...black().slice(1)] }), 'TENSOR_INVALID'],
    ['is nested otherwise than its shape', () => flat({ data: [[black()]] }), 'TENSOR_INVALID'],
    ['asks for an unknown output', () => ({ ...flat({}), outputs: [{ name: 'x' }] }), 'TENSOR_UNKNOWN'],
    [
      'asks for an output twice',
      () => ({ ...flat({}), outputs: [{ name: 'probabilities' }, { name: 'probabilities' }] }),
      'TENSOR_INVALID',
    ],
    [
      'has base64 that is none',
      () => flat({ name: 'encoded', datatype: 'BYTES', shape: [1], data: ['?'] }),
      'TENSOR_INVALID',
    ],
    [
      'has bytes that are not there',
      () => flat({ data: undefined, parameters: { binary_data_size: 9 } }),
      'TENSOR_INVALID',
    ],
    ['has data in two forms', () => flat({ parameters: { binary_data_size: 0 } }), 'TENSOR_INVALID'],
  ];
  it.each(cases)('because it %s is refused with a code', async (_, body, code) => {
    expect(await refusal(body())).toMatchObject({ status: 400, code });
  });

  it.each(['-1', '9e9', 'x', '99999999'])('because its JSON cannot be %s long is refused', async (length) => {
    const headers = { 'inference-header-content-length': length };
    expect(await refusal(flat({}), headers)).toMatchObject({ status: 400, code: 'JSON_INVALID' });
  });

  it('because bytes behind the JSON are nobody’s is refused', async () => {
    const { payload, headers } = withBytes(flat({}), Buffer.alloc(3));
    expect(await refusal(payload, headers)).toMatchObject({ status: 400, code: 'TENSOR_INVALID' });
  });

  it.each([
    ['of arrays in arrays', `{"inputs":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['of empty arrays', `{"inputs":[${'[],'.repeat(300_000)}[]]}`],
    ['of names', `{"a":1${Array.from({ length: 100_000 }, (_, n) => `,"${n}":1`).join('')}}`],
  ])('because it is a bomb %s is refused unread', async (_, body) => {
    expect(await refusal(body)).toEqual({
      status: 400,
      code: 'JSON_INVALID',
      detail: 'the body is mostly brackets and quotes',
    });
  });

  it('is not repeated in the refusal', async () => {
    const { detail } = await refusal(flat({ name: '<script>PATIENT</script>' }));
    expect(detail).not.toContain('PATIENT');
  });

  it('because its own time limit is over is given up', async () => {
    const wait = Promise.withResolvers<undefined>();
    const slow = await harness({
      engine,
      model: servedAs(info, RENDERING),
      gate: async () => {
        await wait.promise;
      },
    });
    const payload = { ...flat({}), parameters: { timeout: 50_000 } };
    const response = await slow.app.inject({ method: 'POST', url: INFER, payload });
    expect(oipProblemSchema.parse(response.json())).toMatchObject({ status: 504, code: 'DEADLINE_EXCEEDED' });
    wait.resolve(undefined);
    await slow.close();
  });
});
