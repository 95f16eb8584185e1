/** MLflow's scoring protocol: our server beside `mlflow models serve`, with the same package and the same bodies. */
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type ModelServer, mlflowVenv, run, serveWithMlflow } from '@hilum/hack';
import { type Classifier, loadClassifier, loadEngine } from '@hilum/model';
import { predictionsSchema, problemSchema } from '@hilum/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RENDERING, scratch, servedAs, writeRealPackage } from '../../test/fixtures.ts';
import { type Harness, harness } from '../../test/harness.ts';
import { PIXELS, distance, nestedImages } from '../../test/tensors.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let classifier: Classifier;
let engine: Engine;
let server: Harness;
let mlflow: ModelServer;
let port: number;

beforeAll(async () => {
  dir = await scratch();
  const info = await writeRealPackage(dir.path);
  classifier = await loadClassifier(await loadEngine(), dir.path);
  engine = await startEngine(dir.path, new AbortController().signal);
  server = await harness({ engine, model: servedAs(info, RENDERING), limits: { maxBodyBytes: 5_000_000 } });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = server.app.server.address() as AddressInfo);
  mlflow = await serveWithMlflow(dir.path, `file://${dir.path}`);
});

afterAll(async () => {
  await mlflow?.stop();
  await server.close();
  await engine.close();
  classifier.dispose();
  await dir[Symbol.asyncDispose]();
});

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** What each of the two servers answers to one request. */
async function both(
  path: string,
  body?: string,
  type = 'application/json',
): Promise<[ours: Reply, theirs: Reply]> {
  const ask = async (url: string): Promise<Reply> => {
    const init = body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': type } };
    const response = await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(30_000) });
    const { status, headers } = response;
    return { status, type: headers.get('content-type') ?? '', text: await response.text() };
  };
  return Promise.all([ask(`http://127.0.0.1:${port}`), ask(mlflow.url)]);
}

/** A slope: two images that differ, and whose numbers JSON writes shortly. */
function slopes(): Float32Array {
  return Float32Array.from({ length: 2 * PIXELS }, (_, at) => ((at * 37) % 1021) / 4 - 127);
}

function probabilities({ status, text }: Reply): number[] {
  expect(status).toBe(200);
  return predictionsSchema.strict().parse(JSON.parse(text)).predictions.probabilities.flat();
}

describe('a body that both servers take', () => {
  it.each(['inputs', 'instances'])('is answered alike under %s', async (key) => {
    const [ours, theirs] = await both('/invocations', JSON.stringify({ [key]: nestedImages(slopes()) }));
    expect(distance(probabilities(ours), probabilities(theirs))).toBeLessThan(1e-5);
    expect(distance(probabilities(ours), classifier.predict(slopes(), 2))).toBeLessThan(1e-6);
    expect(ours.type).toContain('application/json');
  });

  it('is the example that the package carries', async () => {
    const example = await readFile(join(dir.path, 'serving_input_example.json'), 'utf8');
    const [ours, theirs] = await both('/invocations', example, 'application/json; charset=utf-8');
    expect(distance(probabilities(ours), probabilities(theirs))).toBeLessThan(1e-5);
  });

  it('may have params, which this model does not read', async () => {
    const [ours, theirs] = await both(
      '/invocations',
      JSON.stringify({ inputs: nestedImages(slopes()), params: {} }),
    );
    expect(distance(probabilities(ours), probabilities(theirs))).toBeLessThan(1e-5);
  });
});

const rows = (): unknown => nestedImages(slopes());

describe('a body that both servers refuse', () => {
  it.each<[string, () => unknown]>([
    ['has two keys', () => ({ inputs: rows(), instances: rows() })],
    ['has no key that is known', () => ({ data: rows() })],
    ['is a list', () => rows()],
    ['has an image of another size', () => ({ inputs: [[[[0, 0, 0]]]] })],
    ['is a table by columns', () => ({ dataframe_split: { columns: ['a'], data: [[1]] } })],
    ['is a table by rows', () => ({ dataframe_records: [{ a: 1 }] })],
  ])('because it %s is answered with 400', async (_, body) => {
    const [ours, theirs] = await both('/invocations', JSON.stringify(body()));
    expect([ours.status, theirs.status]).toEqual([400, 400]);
    expect(problemSchema.parse(JSON.parse(ours.text)).status).toBe(400);
  });

  it.each(['application/json; charset=latin-1', 'application/json; format=pandas', 'text/plain'])(
    'because it says that it is %s is answered with 415',
    async (type) => {
      const [ours, theirs] = await both('/invocations', '{}', type);
      expect([ours.status, theirs.status]).toEqual([415, 415]);
    },
  );

  it('because it is a table in CSV is answered with the reason', async () => {
    const [ours] = await both('/invocations', 'a,b\n1,2\n', 'text/csv');
    const { status, code, detail } = problemSchema.parse(JSON.parse(ours.text));
    expect([status, code]).toEqual([415, 'CONTENT_TYPE_INVALID']);
    expect(detail).toContain('which is a tensor');
  });
});

describe('what is asked beside it', () => {
  it.each(['/ping', '/health', '/version'])('%s is answered alike', async (path) => {
    const [ours, theirs] = await both(path);
    expect([ours.status, ours.text]).toEqual([theirs.status, theirs.text]);
  });

  it('is refused while the model is on its way', async () => {
    const ready = { code: 'READY', message: 'ready', model: servedAs(classifier.info, RENDERING) } as const;
    server.setState({ code: 'DOWNLOADING', message: 'downloading lung' });
    expect((await fetch(`http://127.0.0.1:${port}/ping`)).status).toBe(503);
    server.setState(ready);
    expect((await fetch(`http://127.0.0.1:${port}/ping`)).status).toBe(200);
  });

  it('by MLflow’s own client gets the numbers of the classifier', async () => {
    const { python } = await mlflowVenv();
    const path = join(dir.path, 'tensor.json');
    await writeFile(path, JSON.stringify(nestedImages(slopes())));
    const script = join(import.meta.dirname, '../../test/clients/mlflow_client.py');
    const { stdout } = await run(python, [script, String(port), path], { timeoutMs: 60_000 });
    const told = z
      .object({ version: z.string(), predictions: predictionsSchema.shape.predictions })
      .parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
    expect(told.version).toMatch(/^3\./);
    expect(distance(told.predictions.probabilities.flat(), classifier.predict(slopes(), 2))).toBeLessThan(
      1e-6,
    );
    expect(told.predictions.probabilities).toHaveLength(2);
  });
});
