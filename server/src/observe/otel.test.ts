/** A server in a process of its own, and a receiver of OTLP as a collector is one: what arrives there. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Metadata, type ServiceClientConstructor, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { z } from 'zod';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { DATA_ABSENT, INPUT_SIZE, lidcPng, scratch, writeRealPackage } from '../../test/fixtures.ts';
import { type ServerProcess, spawnServer } from '../../test/process.ts';
import { PIXELS, bytesOf } from '../../test/tensors.ts';
import { newApiKey } from '../access/key.ts';
import { verifyLedger } from '../ledger/verify.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

const attributes = z.array(
  z.object({
    key: z.string(),
    value: z.object({ stringValue: z.string().optional(), intValue: z.coerce.number().optional() }),
  }),
);
const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes,
  status: z.object({ code: z.number().optional(), message: z.string().optional() }),
});
const tracesSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});
const metricsSchema = z.object({
  resourceMetrics: z.array(
    z.object({
      scopeMetrics: z.array(
        z.object({
          metrics: z.array(
            z.object({
              name: z.string(),
              unit: z.string(),
              histogram: z
                .object({ dataPoints: z.array(z.object({ count: z.coerce.number(), attributes })) })
                .optional(),
            }),
          ),
        }),
      ),
    }),
  ),
});
type Span = z.infer<typeof spanSchema>;

let dir: Awaited<ReturnType<typeof scratch>>;
let packageDir: string;
let receiver: Server;
let endpoint: string;
let received: { readonly path: string; readonly body: string }[] = [];

beforeAll(async () => {
  dir = await scratch();
  packageDir = join(dir.path, 'package');
  await writeRealPackage(packageDir);
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ path: request.url ?? '', body: Buffer.concat(chunks).toString() });
      const status = request.url?.startsWith('/refuse') === true ? 400 : 200;
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
});

afterAll(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await dir[Symbol.asyncDispose]();
});

async function traced(env: Record<string, string> = {}): Promise<ServerProcess> {
  received = [];
  const server = await spawnServer({
    HILUM_MODEL_URI: packageDir,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    ...env,
  });
  onTestFinished(() => void server.child.kill('SIGKILL'));
  return server;
}

/** All that was sent, once the server has ended and sent the rest. */
async function ended(
  server: ServerProcess,
): Promise<{ spans: readonly Span[]; metrics: string; resources: string }> {
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
  const bodies = received.filter(({ path }) => path === '/v1/traces').map(({ body }) => body);
  const parts = bodies.flatMap((body) => tracesSchema.parse(JSON.parse(body)).resourceSpans);
  return {
    spans: parts.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    metrics: received.findLast(({ path }) => path === '/v1/metrics')?.body ?? '',
    resources: JSON.stringify(parts.map(({ resource }) => resource)),
  };
}

const valuesOf = ({
  attributes: all,
}: Pick<Span, 'attributes'>): Record<string, string | number | undefined> =>
  Object.fromEntries(all.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));

async function modelInfer(url: string, metadata: Metadata, message: object): Promise<void> {
  const proto = new URL('../oip/open_inference.proto', import.meta.url).pathname;
  const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: Number, defaults: true }));
  const { GRPCInferenceService: Service } = loaded['inference'] as unknown as {
    GRPCInferenceService: ServiceClientConstructor;
  };
  const client = new Service(new URL(url).host, credentials.createInsecure());
  const method = Service.service['ModelInfer'];
  if (method === undefined) throw new Error('no such method');
  const { path, requestSerialize, responseDeserialize } = method;
  try {
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, metadata, {}, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  } finally {
    client.close();
  }
}

describe('traces', () => {
  it.skipIf(DATA_ABSENT)(
    `have one span a request in the trace of its client, and under it one a stage ${DATA_ABSENT || ''}`,
    { timeout: 60_000 },
    async () => {
      const server = await traced();
      const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, baggage: 'patient=SECRET-7' };
      const body = new Uint8Array(await lidcPng());
      const answer = await fetch(`${server.url}/v1/classify?patient=SECRET-8`, {
        method: 'POST',
        headers,
        body,
      });
      const { requestId } = (await answer.json()) as { requestId: string };
      const refused = await fetch(`${server.url}/v1/classify`, { method: 'POST', headers, body: 'SECRET-9' });
      expect(refused.status).toBe(415);
      await fetch(`${server.url}/metrics`);
      const { spans, metrics, resources } = await ended(server);

      expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
      const [first, second, ...others] = spans.filter(({ parentSpanId }) => parentSpanId === PARENT);
      expect(others).toEqual([]);
      expect(first?.name).toBe('POST /v1/classify');
      expect(valuesOf(first ?? { attributes: [] })).toEqual({
        'http.request.method': 'POST',
        'http.route': '/v1/classify',
        'http.response.status_code': 200,
        'hilum.request_id': requestId,
        'hilum.images': 1,
      });
      expect(second?.status).toEqual({ code: 2, message: 'NOT_AN_IMAGE' });

      const below = (parent: Span | undefined): Span[] =>
        spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId);
      const stages = below(first).toSorted((a, b) => Number(a.startTimeUnixNano - b.startTimeUnixNano));
      expect(stages.map(({ name }) => name)).toEqual(['decode', 'preprocess', 'queue', 'batch', 'encode']);
      expect(below(stages.find(({ name }) => name === 'batch')).map(({ name }) => name)).toEqual(['infer']);
      for (const stage of stages) {
        expect(stage.startTimeUnixNano).toBeGreaterThanOrEqual(first?.startTimeUnixNano ?? 0n);
        expect(stage.endTimeUnixNano).toBeLessThanOrEqual(first?.endTimeUnixNano ?? 0n);
      }

      const duration = metricsSchema
        .parse(JSON.parse(metrics))
        .resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
        .find(({ name }) => name === 'http.server.request.duration');
      expect(duration?.unit).toBe('s');
      const points = duration?.histogram?.dataPoints.map((point) =>
        Object.assign(valuesOf(point), { count: point.count }),
      );
      expect(points).toContainEqual({
        count: 1,
        'http.request.method': 'POST',
        'http.route': '/v1/classify',
        'http.response.status_code': 415,
        'error.type': 'NOT_AN_IMAGE',
      });

      expect(resources).toContain('hilum-server');
      const sent = received.map((one) => one.body).join('\n') + server.logged();
      for (const secret of ['SECRET', 'main.ts', process.env['USER'] ?? 'main.ts'])
        expect(sent).not.toContain(secret);
      // One line a request, with the number of its trace.
      const lines = server
        .logged()
        .split('\n')
        .filter((line) => line.includes(requestId));
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({
        traceId: TRACE,
        route: '/v1/classify',
        code: 'OK',
      });
    },
  );

  it('of gRPC are like those of HTTP, and the ledger has its images too', async () => {
    const ledger = join(dir.path, 'ledger');
    const keys = join(dir.path, 'keys');
    const { key, line } = newApiKey({ name: 'reading-room', roles: ['predict'] });
    await writeFile(keys, line);
    const server = await traced({ HILUM_LEDGER_DIR: ledger, HILUM_API_KEYS_FILE: keys });
    const metadata = new Metadata();
    metadata.set('x-api-key', key);
    metadata.set('traceparent', `00-${TRACE}-${PARENT}-01`);
    const tensor = new Float32Array(2 * PIXELS).fill(3);
    const inputs = [{ name: 'image', datatype: 'FP32', shape: [2, INPUT_SIZE, INPUT_SIZE, 3] }];
    await modelInfer(server.url, metadata, {
      model_name: 'package',
      inputs,
      raw_input_contents: [bytesOf(tensor)],
    });
    const { spans } = await ended(server);
    const request = spans.find(({ parentSpanId }) => parentSpanId === PARENT);
    expect(request?.name).toBe('POST /inference.GRPCInferenceService/ModelInfer');
    const stages = spans.filter(({ parentSpanId }) => parentSpanId === request?.spanId);
    expect(stages.filter(({ name }) => name === 'batch')).toHaveLength(2);
    const callers: unknown[] = [];
    const { finding } = await verifyLedger(ledger, {
      onEntry: (entry) => {
        if (entry.kind === 'image') callers.push([entry.route, entry.caller]);
      },
    });
    expect(finding).toBeUndefined();
    const said = ['/inference.GRPCInferenceService/ModelInfer', 'reading-room'];
    expect(callers).toEqual([said, said]);
    const kept = await readFile(join(ledger, 'ledger-000000000001.ndjson'), 'utf8');
    expect(kept + server.logged() + received.map(({ body }) => body).join('')).not.toContain(key);
  });

  it('are not sent of a request whose client does not want them, nor follow a malformed header', async () => {
    const server = await traced();
    const ask = async (traceparent: string) =>
      fetch(`${server.url}/v1/classify`, { method: 'POST', headers: { traceparent }, body: 'x' });
    await ask(`00-${TRACE}-${PARENT}-00`);
    await ask(`00-${'0'.repeat(32)}-${PARENT}-01`);
    const { spans } = await ended(server);
    const request = spans.find(({ kind }) => kind === 2);
    expect(request?.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(request?.traceId).not.toBe(TRACE);
    expect(request?.parentSpanId ?? '').toBe('');
    expect(spans.filter(({ traceId }) => traceId === TRACE)).toEqual([]);
  });

  it('that nobody takes stop nothing: images are answered, and one line says it', async () => {
    const server = await traced({
      OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/refuse`,
      OTEL_BSP_SCHEDULE_DELAY: '10',
    });
    for (let count = 0; count < 3; count += 1) {
      const refused = await fetch(`${server.url}/v1/classify`, { method: 'POST', body: 'x' });
      expect(refused.status).toBe(415);
    }
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(received.filter(({ path }) => path === '/refuse/v1/traces').length).toBeGreaterThan(0);
    const lines = server.logged().split('\n');
    expect(lines.filter((line) => line.includes('could not be sent'))).toHaveLength(1);
  });

  it('for which nobody listens keep no server from its end', async () => {
    const server = await traced({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    const refused = await fetch(`${server.url}/v1/classify`, { method: 'POST', body: 'x' });
    expect(refused.status).toBe(415);
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });

  it('cost nothing where nobody asks for them: the library is not loaded', async () => {
    const hook = join(dir.path, 'hook.mjs');
    const program = `import { registerHooks } from 'node:module';
      registerHooks({ resolve(name, context, next) {
        if (name.includes('opentelemetry')) process.stdout.write('LOADS ' + name + '\\n');
        return next(name, context);
      } });`;
    await writeFile(hook, program);
    const loads = async (env: Record<string, string>): Promise<boolean> => {
      const server = await traced({ ...env, NODE_OPTIONS: `--import ${hook}` });
      server.child.kill('SIGTERM');
      expect(await server.ended).toBe(0);
      return server.logged().includes('LOADS @opentelemetry/sdk-node');
    };
    expect(await loads({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBe(false);
    expect(await loads({})).toBe(true);
    expect(await loads({ HILUM_OTEL: 'off' })).toBe(false);
  });
});
