import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import {
  type ClientUnaryCall,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
  credentials,
  loadPackageDefinition,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { type Classifier, type PackageInfo, loadClassifier, loadEngine } from '@hilum/model';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import {
  DATA_ABSENT,
  INPUT_SIZE,
  RENDERING,
  scratch,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { type Harness, type HarnessOptions, harness } from '../../test/harness.ts';
import { createGate, metric, until } from '../../test/listening.ts';
import { PIXELS, bytesOf, distance, twoImages } from '../../test/tensors.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let info: PackageInfo;
let classifier: Classifier;
let engine: Engine;

beforeAll(async () => {
  dir = await scratch();
  info = await writeRealPackage(dir.path);
  classifier = await loadClassifier(await loadEngine(), dir.path);
  engine = await startEngine(dir.path, new AbortController().signal);
});

afterAll(async () => {
  await engine.close();
  classifier.dispose();
  await dir[Symbol.asyncDispose]();
});

interface Answer {
  readonly value?: Record<string, unknown>;
  readonly error?: ServiceError;
}

interface Remote extends Harness {
  readonly port: number;
  readonly call: (method: string, message: object, options?: { deadline?: Date }) => Promise<Answer>;
  readonly start: (message: object) => { readonly call: ClientUnaryCall; readonly answer: Promise<Answer> };
}

async function listen(options: Omit<HarnessOptions, 'engine' | 'model'> = {}): Promise<Remote> {
  const server = await harness({ engine, model: servedAs(info, RENDERING), ...options });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  const proto = new URL('./open_inference.proto', import.meta.url).pathname;
  const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: Number, defaults: true }));
  const { GRPCInferenceService } = loaded['inference'] as unknown as {
    GRPCInferenceService: ServiceClientConstructor;
  };
  const client = new GRPCInferenceService(`127.0.0.1:${port}`, credentials.createInsecure());
  onTestFinished(async () => {
    client.close();
    server.app.server.closeAllConnections();
    await server.close();
  });
  const start = (method: string, message: object, deadline?: Date) => {
    const { path, requestSerialize, responseDeserialize } = GRPCInferenceService.service[method]!;
    const answer = Promise.withResolvers<Answer>();
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      new Metadata(),
      deadline === undefined ? {} : { deadline },
      (error, value: unknown) =>
        answer.resolve(error === null ? { value: value as Record<string, unknown> } : { error }),
    );
    return { call, answer: answer.promise };
  };
  return {
    ...server,
    port,
    call: (method, message, { deadline } = {}) => start(method, message, deadline).answer,
    start: (message) => start('ModelInfer', message),
  };
}

const answerSchema = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string(),
  outputs: z.array(z.object({ contents: z.object({ fp32_contents: z.array(z.number()) }).nullable() })),
  raw_output_contents: z.array(z.instanceof(Uint8Array)),
});

const input = (n: number) => ({ name: 'image', datatype: 'FP32', shape: [n, INPUT_SIZE, INPUT_SIZE, 3] });
const raw = (values: Float32Array, more: object = {}): object => ({
  model_name: 'lung',
  inputs: [input(values.length / PIXELS)],
  raw_input_contents: [bytesOf(values)],
  ...more,
});
const black = new Float32Array(PIXELS);
const file = (bytes: number): object => ({
  model_name: 'lung',
  inputs: [
    { name: 'encoded', datatype: 'BYTES', shape: [1], contents: { bytes_contents: [Buffer.alloc(bytes)] } },
  ],
});

describe.skipIf(DATA_ABSENT)(`an inference of two real images over gRPC ${DATA_ABSENT || ''}`, () => {
  it('raw and typed is what the classifier alone says, in the form that was sent', async () => {
    const server = await listen();
    const values = await twoImages();
    const want = classifier.predict(values, 2);
    const answers = await Promise.all([
      server.call('ModelInfer', raw(values, { id: 'mine' })),
      server.call('ModelInfer', {
        model_name: 'lung',
        model_version: '7',
        inputs: [{ ...input(2), contents: { fp32_contents: [...values] } }],
      }),
    ]);
    const [first, second] = answers.map(({ value }) => answerSchema.parse(value));
    expect(first).toMatchObject({ model_name: 'lung', model_version: '7', id: 'mine' });
    const bytes = new Uint8Array(first?.raw_output_contents[0] ?? []);
    expect(distance(new Float32Array(bytes.buffer), want)).toBeLessThan(1e-6);
    expect(distance(second?.outputs[0]?.contents?.fp32_contents ?? [], want)).toBeLessThan(1e-6);
    expect(server.logged()).not.toContain('mine');
  });
});

describe('a call that does not fit', () => {
  it.each<[string, object, status, string]>([
    ['names another model', raw(black, { model_name: 'x' }), status.NOT_FOUND, 'MODEL_UNKNOWN'],
    ['names another version', raw(black, { model_version: '8' }), status.NOT_FOUND, 'MODEL_UNKNOWN'],
    [
      'has too few bytes',
      raw(black.subarray(1), { inputs: [input(1)] }),
      status.INVALID_ARGUMENT,
      'TENSOR_INVALID',
    ],
    ['has no bytes', raw(black, { raw_input_contents: [] }), status.INVALID_ARGUMENT, 'TENSOR_INVALID'],
    [
      'has bytes and contents',
      raw(black, { inputs: [{ ...input(1), contents: { fp32_contents: [...black] } }] }),
      status.INVALID_ARGUMENT,
      'TENSOR_INVALID',
    ],
    [
      'asks for another output',
      raw(black, { outputs: [{ name: 'x' }] }),
      status.INVALID_ARGUMENT,
      'TENSOR_UNKNOWN',
    ],
    [
      'has a negative shape',
      raw(black, { inputs: [{ ...input(1), shape: [-1, 64, 64, 3] }] }),
      status.INVALID_ARGUMENT,
      'TENSOR_INVALID',
    ],
  ])('because it %s is refused with a code', async (_, message, want, code) => {
    const server = await listen();
    const { error } = await server.call('ModelInfer', message);
    expect([error?.code, error?.metadata.get('hilum-code')]).toEqual([want, [code]]);
  });

  it('because its message is larger than the server takes is refused', async () => {
    const server = await listen({ limits: { maxBodyBytes: 100_000 } });
    const { error } = await server.call('ModelInfer', raw(new Float32Array(10 * PIXELS)));
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
  });

  it('leaves the model as it is, which is neither loaded nor unloaded', async () => {
    const server = await listen();
    const { error } = await server.call('RepositoryModelUnload', { model_name: 'lung' });
    expect(error?.metadata.get('hilum-code')).toEqual(['REPOSITORY_FIXED']);
    const { value } = await server.call('RepositoryIndex', {});
    expect(value).toEqual({ models: [{ name: 'lung', version: '7', state: 'READY', reason: '' }] });
  });
});

describe('pressure over gRPC', () => {
  it('is answered with the time to come back, in the words of gRPC as well', async () => {
    const { gate, open, entered } = createGate();
    const server = await listen({ gate, limits: { inFlight: 1 } });
    const first = server.call('ModelInfer', raw(black));
    await until(() => entered() === 1);
    const { error } = await server.call('ModelInfer', raw(black));
    expect(error?.code).toBe(status.UNAVAILABLE);
    expect(error?.metadata.get('hilum-code')).toEqual(['QUEUE_FULL']);
    expect(error?.metadata.get('retry-after')).toEqual(['1']);
    expect(error?.metadata.get('grpc-retry-pushback-ms')).toEqual(['1000']);
    open();
    expect((await first).value).toBeDefined();
    const labels = 'route="/inference.GRPCInferenceService/ModelInfer",status="503",code="QUEUE_FULL"';
    expect(await metric(server, `hilum_requests_total{${labels}}`)).toBe(1);
  });

  it('counts a message that is longer than is expected once it is here; alone it may be longer than all', async () => {
    const { gate, open, entered } = createGate();
    const server = await listen({
      gate,
      limits: { maxBodyBytes: 9_000_000, bytesInFlight: 8_600_000, inFlight: 2 },
    });
    const codeOf = async (bytes: number) =>
      (await server.call('ModelInfer', file(bytes))).error?.metadata.get('hilum-code');
    expect(await codeOf(8_800_000)).toEqual(['NOT_AN_IMAGE']);
    const first = server.call('ModelInfer', raw(black));
    await until(() => entered() === 1);
    expect(await codeOf(5_000_000)).toEqual(['QUEUE_FULL']);
    // As many requests as may be are in flight, and this one is no third.
    expect(await codeOf(4_300_000)).toEqual(['NOT_AN_IMAGE']);
    open();
    await first;
    expect(await metric(server, 'hilum_requests_in_flight')).toBe(0);
  });

  it('ends at the deadline of the call, and nothing is left in flight', async () => {
    const { gate, open } = createGate();
    const server = await listen({ gate });
    const answer = await server.call('ModelInfer', raw(black), { deadline: new Date(Date.now() + 150) });
    expect(answer.error?.code).toBe(status.DEADLINE_EXCEEDED);
    await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 0);
    open();
  });

  it('ends at the timeout that the request has as a parameter', async () => {
    const { gate, open } = createGate();
    const server = await listen({ gate });
    const { error } = await server.call(
      'ModelInfer',
      raw(black, { parameters: { timeout: { int64_param: 80_000 } } }),
    );
    expect([error?.code, error?.metadata.get('hilum-code')]).toEqual([
      status.DEADLINE_EXCEEDED,
      ['DEADLINE_EXCEEDED'],
    ]);
    open();
  });

  it('drops the work of a client that cancels', async () => {
    const { gate, open, entered } = createGate();
    const server = await listen({ gate });
    const first = server.call('ModelInfer', raw(black));
    await until(() => entered() === 1);
    const second = server.start(raw(black));
    await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 2);
    second.call.cancel();
    expect((await second.answer).error?.code).toBe(status.CANCELLED);
    await until(async () => (await metric(server, 'hilum_requests_in_flight')) === 1);
    expect(await metric(server, 'hilum_refusals_total{code="CLIENT_GONE"}')).toBe(1);
    open();
    expect((await first).value).toBeDefined();
    expect(entered()).toBe(1);
  });

  it('of a message that never comes is given up', async () => {
    const server = await listen({ limits: { bodyTimeoutMs: 200 } });
    // Settings, then the headers of a call whose message stays away.
    const session = connectHttp2(`http://127.0.0.1:${server.port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/inference.GRPCInferenceService/ModelInfer',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const [headers] = (await once(stream, 'response')) as [Record<string, string>];
    expect(headers['hilum-code']).toBe('BODY_TIMEOUT');
    expect(await metric(server, 'hilum_requests_in_flight')).toBe(0);
    session.destroy();
  });
});

describe('a server that goes', () => {
  it('lets the call in flight end, and takes no new one', async () => {
    const { gate, open, entered } = createGate();
    const server = await listen({ gate });
    const first = server.call('ModelInfer', raw(black));
    await until(() => entered() === 1);
    const silent = connect(server.port, '127.0.0.1');
    await once(silent, 'connect');
    const closed = server.close();
    await until(() => !server.app.server.listening);
    const late = await server.call('ServerLive', {});
    expect(late.error?.code).toBe(status.UNAVAILABLE);
    open();
    expect((await first).value).toBeDefined();
    await closed;
  });

  it('says that it is not ready while the model is on its way', async () => {
    const server = await listen();
    server.setState({ code: 'DOWNLOADING', message: 'downloading lung' });
    expect((await server.call('ServerLive', {})).value).toEqual({ live: true });
    expect((await server.call('ServerReady', {})).value).toEqual({ ready: false });
    expect((await server.call('ModelReady', { name: 'lung' })).value).toEqual({ ready: false });
    const { error } = await server.call('ModelInfer', raw(black));
    expect([error?.code, error?.metadata.get('hilum-code')]).toEqual([
      status.UNAVAILABLE,
      ['MODEL_NOT_READY'],
    ]);
  });
});
