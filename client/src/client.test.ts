/** The client against a server that was started, on a port. */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RunningServer } from '@hilum/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INPUT_SIZE, aPackage, served, slice, water } from '../test/server.ts';
import { HilumError, type Client, createClient } from './index.ts';

let model: Awaited<ReturnType<typeof aPackage>>;
let server: RunningServer;
let client: Client;

beforeAll(async () => {
  model = await aPackage();
  server = await served(model.path);
  await server.ready;
  client = createClient({ baseUrl: server.url });
});

afterAll(async () => {
  await server.close();
  await model[Symbol.asyncDispose]();
});

const SERIES = Array.from({ length: 6 }, (_, at) => ({
  name: `${at}.dcm`,
  bytes: slice(at + 1, 40 + 5 * at),
}));

async function failure(work: Promise<unknown>): Promise<HilumError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof HilumError) return error;
  throw new Error('a HilumError was expected', { cause: error });
}

async function listen(handle: Parameters<typeof createServer>[1]): Promise<{ url: string; end: () => void }> {
  const plain: Server = createServer(handle as never);
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const { port } = plain.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    end: () => {
      plain.closeAllConnections();
      plain.close();
    },
  };
}

describe('classify', () => {
  it('answers one image, as bytes or as a file of a form', async () => {
    const answer = await client.classify(slice());
    expect(answer.outcome).toBe('classified');
    expect(answer.probabilities[answer.label]).toBe(answer.probability);
    const { probabilities } = await client.classify({ files: [{ name: 'a.dcm', bytes: slice() }] });
    expect(probabilities).toEqual(answer.probabilities);
    expect((await client.classify(new Blob([new Uint8Array(slice())]))).probabilities).toEqual(
      answer.probabilities,
    );
  });

  it('answers a series, and names the file that decided', async () => {
    const { series } = await client.classify({ files: SERIES.toReversed() });
    expect([series?.slices, series?.scored]).toEqual([6, 6]);
    expect(SERIES.map(({ name }) => name)).toContain(series?.deciding.name);
  });

  it('gives a report where that is asked for', async () => {
    const report = await client.classify(slice(), { accept: 'application/dicom' });
    expect(Buffer.from(report.subarray(128, 132)).toString()).toBe('DICM');
    expect(Buffer.from(report).toString('latin1')).toContain('Research use only, not for diagnosis.');
  });

  it('throws a refusal as such, with what it takes to find it in the log', async () => {
    const error = await failure(client.classify(water()));
    expect([error.code, error.status, error.refused]).toEqual(['NOT_CHEST', 422, true]);
    expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/);
    const mistake = await failure(client.classify(Buffer.from('no image')));
    expect([mistake.code, mistake.refused]).toEqual(['NOT_AN_IMAGE', false]);
  });
});

describe('the other calls', () => {
  it('infer gives the same rows by JSON and by binary tensors, one an image', async () => {
    const values = Float32Array.from({ length: 2 * INPUT_SIZE ** 2 * 3 }, (_, at) => Math.sin(at) * 100);
    const shape = [2, INPUT_SIZE, INPUT_SIZE, 3];
    const binary = await client.infer({ values, shape });
    const json = await client.infer({ values, shape }, { encoding: 'json' });
    expect(binary.outputs['probabilities']?.shape).toEqual([2, 2]);
    expect(binary.outputs['probabilities']?.values).toEqual(json.outputs['probabilities']?.values);
    const [benign = 0, malignant = 0] = binary.outputs['probabilities']?.values ?? [];
    expect(benign + malignant).toBeCloseTo(1, 6);
    expect(binary.parameters['labels']).toBe('benign,malignant');
    expect((await failure(client.infer({ values, shape: [1, 2] }))).status).toBe(400);
  });

  it('ready and metadata say which model it is', async () => {
    const ready = await client.ready();
    const { inputs, parameters } = await client.metadata();
    expect(ready).toMatchObject({ ready: true, model: { version: null } });
    expect(inputs[0]?.shape).toEqual([-1, INPUT_SIZE, INPUT_SIZE, 3]);
    expect(parameters['digest']).toBe(ready.ready ? ready.model.digest : '');
  });

  it('explain gives a map, or a picture', async () => {
    const { heatmap, label } = await client.explain(slice(), { label: 'benign' });
    expect(heatmap.values).toHaveLength(heatmap.rows * heatmap.columns);
    expect(label).toBe('benign');
    const png = await client.explain(slice(), { accept: 'image/png', view: 'heat' });
    expect([...png.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
    expect((await failure(client.explain(slice(), { label: 'none' }))).status).toBe(400);
  });

  it('ready says why images are not answered yet, without waiting for it', async () => {
    const away = await served('models:/lung/1', { HILUM_MLFLOW_URI: 'http://127.0.0.1:9' });
    const ready = await createClient({ baseUrl: away.url }).ready();
    await away.close();
    expect(ready).toMatchObject({
      ready: false,
      reason: expect.stringMatching(/^(RESOLVING|TRACKING_UNREACHABLE)$/) as unknown,
    });
  });
});

describe('a busy server', () => {
  it('is asked again when it said, until it answers', async () => {
    const small = await served(model.path, { HILUM_MAX_IN_FLIGHT: '1' });
    await small.ready;
    const seen: string[] = [];
    const counting: typeof fetch = async (...request) => {
      const response = await fetch(...request);
      seen.push(`${response.status} ${response.headers.get('retry-after') ?? ''}`.trim());
      return response;
    };
    const patient = createClient({ baseUrl: small.url, fetch: counting });
    // The first holds the only place: its body does not end before the second was refused.
    const refused = Promise.withResolvers<void>();
    const slow = fetch(`${small.url}/v1/classify`, {
      method: 'POST',
      duplex: 'half',
      body: new ReadableStream({
        start: async (stream) => {
          stream.enqueue(slice());
          await refused.promise;
          stream.close();
        },
      }),
    });
    await until(async () => (await metrics(small.url)).includes('hilum_requests_in_flight 1'));
    const second = patient.classify(slice());
    await until(async () => seen.length > 0);
    refused.resolve();
    expect((await slow).status).toBe(200);
    expect((await second).outcome).toBe('classified');
    expect(seen[0]).toMatch(/^503 \d+$/);
    expect(seen.at(-1)).toBe('200');
    await small.close();
  });

  it('is given up where it would not be asked again in time, with its own words', async () => {
    const body = {
      type: 't',
      title: 't',
      status: 429,
      detail: 'later',
      code: 'RATE_LIMITED',
      requestId: 'r',
    };
    const busy = await listen((_request, response) => {
      response.writeHead(429, { 'retry-after': '3600', 'content-type': 'application/problem+json' });
      response.end(JSON.stringify(body));
    });
    const error = await failure(createClient({ baseUrl: busy.url }).classify(slice()));
    busy.end();
    expect([error.code, error.status, error.message]).toEqual(['RATE_LIMITED', 429, 'later']);
  });
});

describe('an end before the answer', () => {
  it('is the caller’s reason where the caller ends it, and the server drops the work', async () => {
    const stop = new AbortController();
    const reason = new Error('changed my mind');
    const files = Array.from({ length: 60 }, (_, at) => ({ name: `${at}`, bytes: slice(at + 1) }));
    const work = client.classify({ files }, { signal: stop.signal });
    await until(async () => (await metrics(server.url)).includes('hilum_requests_in_flight 1'));
    stop.abort(reason);
    await expect(work).rejects.toBe(reason);
    await until(async () =>
      /hilum_requests_total\{[^}]*code="CLIENT_GONE"[^}]*\} 1/.test(await metrics(server.url)),
    );
    expect((await client.classify(slice())).outcome).toBe('classified');
    await expect(client.classify(slice(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('is a code of the client’s own where nothing answers, or not in time, or something else does', async () => {
    const silent = await listen(() => undefined);
    const late = await failure(createClient({ baseUrl: silent.url, timeoutMs: 50 }).classify(slice()));
    silent.end();
    expect([late.code, late.status]).toEqual(['TIMEOUT', undefined]);
    expect((await failure(createClient({ baseUrl: silent.url }).ready())).code).toBe('UNREACHABLE');
    const other = await listen((_request, response) => response.end('hello'));
    expect((await failure(createClient({ baseUrl: other.url }).classify(slice()))).code).toBe('NOT_HILUM');
    other.end();
  });
});

it('says who asks, below whatever path the server has', async () => {
  const seen: unknown[] = [];
  const proxy = await listen((request, response) => {
    const { authorization, 'x-api-key': key } = request.headers;
    seen.push([request.url, authorization, key]);
    response.end();
  });
  const secret = randomUUID();
  await failure(createClient({ baseUrl: `${proxy.url}/lung`, token: secret }).ready());
  await failure(createClient({ baseUrl: `${proxy.url}/lung/`, apiKey: secret }).ready());
  proxy.end();
  expect(seen).toEqual([
    ['/lung/v2/health/ready', `Bearer ${secret}`, undefined],
    ['/lung/v2/health/ready', undefined, secret],
  ]);
});

async function metrics(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

/** At most as long as the test may take. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
