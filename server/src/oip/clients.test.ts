/** Clients that others wrote, against our server: each gets the numbers of the classifier in this process. */
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { clientsVenv, run } from '@hilum/hack';
import { closeDecoders } from '@hilum/imaging';
import { loadClassifier, loadEngine } from '@hilum/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  DATA_ABSENT,
  INPUT_SIZE,
  RENDERING,
  lidcPng,
  scratch,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { type Harness, harness } from '../../test/harness.ts';
import { PIXELS, bytesOf, distance, twoImages, withBytes } from '../../test/tensors.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';

const CLIENTS = join(import.meta.dirname, '../../test/clients');

let dir: Awaited<ReturnType<typeof scratch>>;
let engine: Engine;
let server: Harness;
let address: string;
let want: number[];

beforeAll(async () => {
  dir = await scratch();
  const info = await writeRealPackage(dir.path);
  engine = await startEngine(dir.path, new AbortController().signal);
  server = await harness({ engine, model: servedAs(info, RENDERING) });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  address = `127.0.0.1:${port}`;
  if (DATA_ABSENT !== false) return;
  const values = await twoImages();
  const classifier = await loadClassifier(await loadEngine(), dir.path);
  want = [...classifier.predict(values, 2)];
  classifier.dispose();
  await writeFile(join(dir.path, 'tensor.npy'), npy(values));
  await writeFile(join(dir.path, 'tensor.f32'), bytesOf(values));
  await writeFile(join(dir.path, 'slice.png'), await lidcPng());
});

afterAll(async () => {
  await server.close();
  await engine.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

const answersSchema = z.object({ answers: z.record(z.string(), z.array(z.array(z.number()))) });

async function python(script: string, ...args: string[]): Promise<unknown> {
  const { python: interpreter } = await clientsVenv();
  const { stdout } = await run(interpreter, [join(CLIENTS, script), address, 'lung', ...args], {
    timeoutMs: 60_000,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/** From the classifier's: of both rows, or of the first alone. */
function away(rows: readonly (readonly number[])[] | undefined, count = 2): number {
  return distance(rows?.flat() ?? [], want.slice(0, count * 2));
}

describe.skipIf(DATA_ABSENT)(`clients of other projects ${DATA_ABSENT || ''}`, () => {
  it('tritonclient: HTTP with bytes and JSON both ways, gRPC, and files', async () => {
    const told = await python('triton.py', join(dir.path, 'tensor.npy'), join(dir.path, 'slice.png'));
    const { answers } = answersSchema.parse(told);
    const tensors = ['bytes to bytes', 'bytes to json', 'json to bytes', 'json to json'];
    for (const name of [...tensors.map((form) => `http ${form}`), 'grpc'])
      expect(away(answers[name])).toBeLessThan(1e-6);
    for (const name of ['http file', 'grpc file']) expect(away(answers[name], 1)).toBeLessThan(1e-6);
    expect(told).toMatchObject({
      refusals: {
        http: ['400', 'image is [n, 64, 64, 3], not [1, 8, 8, 3]'],
        grpc: ['StatusCode.INVALID_ARGUMENT', 'TENSOR_INVALID: image is [n, 64, 64, 3], not [1, 8, 8, 3]'],
      },
      inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, INPUT_SIZE, INPUT_SIZE, 3] }],
      index: ['lung'],
    });
  });

  it('KServe: InferenceRESTClient and InferenceGRPCClient, with bytes and numbers', async () => {
    const { answers } = answersSchema.parse(await python('kserve_client.py', join(dir.path, 'tensor.npy')));
    for (const name of ['http bytes', 'http numbers', 'grpc bytes', 'grpc numbers'])
      expect(away(answers[name])).toBeLessThan(1e-6);
  });

  it('curl: the bytes of tensors behind the JSON, and a file as base64', async () => {
    const size = 2 * PIXELS * 4;
    const shape = [2, INPUT_SIZE, INPUT_SIZE, 3];
    const input = { name: 'image', datatype: 'FP32', shape, parameters: { binary_data_size: size } };
    const { payload, headers } = withBytes({ inputs: [input] }, bytesOf(await twoImages()));
    const path = join(dir.path, 'body.bin');
    await writeFile(path, payload);
    const sent = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const url = `http://${address}/v2/models/lung/infer`;
    const binary = await run('curl', ['-sS', ...sent, '--data-binary', `@${path}`, url], {
      timeoutMs: 60_000,
    });
    const data = [(await lidcPng()).toString('base64')];
    const file = join(dir.path, 'body.json');
    await writeFile(
      file,
      JSON.stringify({ inputs: [{ name: 'encoded', datatype: 'BYTES', shape: [1], data }] }),
    );
    const json = await run('curl', ['-sS', '--json', `@${file}`, url], { timeoutMs: 60_000 });
    const schema = z.object({ outputs: z.array(z.object({ data: z.array(z.number()) })) });
    const rows = ({ stdout }: { stdout: string }) =>
      schema.parse(JSON.parse(stdout)).outputs.map((output) => output.data);
    expect(away(rows(binary))).toBeLessThan(1e-6);
    expect(away(rows(json), 1)).toBeLessThan(1e-6);
  });
});

/** numpy's own file, version 1.0. */
function npy(values: Float32Array): Buffer {
  const shape = `(${values.length / PIXELS}, ${INPUT_SIZE}, ${INPUT_SIZE}, 3)`;
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const front = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 0, 0]);
  front.writeUInt16LE(padded.length, 8);
  return Buffer.concat([front, Buffer.from(padded), bytesOf(values)]);
}
