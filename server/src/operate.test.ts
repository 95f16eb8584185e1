import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATA_ABSENT, RENDERING, lidcPng, scratch, servedAs, writeRealPackage } from '../test/fixtures.ts';
import { type Harness, harness } from '../test/harness.ts';
import type { Engine } from './engine/engine.ts';
import { startEngine } from './engine/worker.ts';
import { ERROR_CODES } from './errors.ts';
import { READINESS_CODES, type ServedModel } from './readiness.ts';
import { notReadySchema, problemSchema, readySchema } from '@hilum/wire';

let dir: Awaited<ReturnType<typeof scratch>>;
let model: ServedModel;
let engine: Engine;
let server: Harness;

beforeAll(async () => {
  dir = await scratch();
  model = servedAs(await writeRealPackage(dir.path), RENDERING);
  engine = await startEngine(dir.path, new AbortController().signal);
  server = await harness({ engine, model });
});

afterAll(async () => {
  await server.close();
  await engine.close();
  await dir[Symbol.asyncDispose]();
});

const get = (url: string) => server.app.inject({ method: 'GET', url });

describe('health', () => {
  it('is alive and ready, and names the model', async () => {
    expect((await get('/v2/health/live')).json()).toEqual({ live: true });
    const ready = await get('/v2/health/ready');
    expect(ready.statusCode).toBe(200);
    expect(readySchema.strict().parse(ready.json()).model).toEqual({
      name: 'lung',
      version: '7',
      digest: model.info.digest,
    });
  });

  it('is alive but not ready while the model is on its way, says how far it is, and refuses images', async () => {
    server.setState({
      code: 'DOWNLOADING',
      message: 'downloading lung',
      progress: { bytes: 5, totalBytes: 9 },
    });
    expect((await get('/v2/health/live')).statusCode).toBe(200);
    const ready = await get('/v2/health/ready');
    expect(ready.statusCode).toBe(503);
    expect(notReadySchema.strict().parse(ready.json())).toMatchObject({
      reason: 'DOWNLOADING',
      progress: { bytes: 5, totalBytes: 9 },
    });
    const refused = await server.app.inject({
      method: 'POST',
      url: '/v1/classify',
      payload: Buffer.from('x'),
    });
    expect(problemSchema.parse(refused.json()).code).toBe('MODEL_NOT_READY');
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '5']);
    server.setState({ code: 'READY', message: 'ready', model });
  });

  it('is not ready while it shuts down, but still answers what comes', async () => {
    server.setState({ code: 'SHUTTING_DOWN', message: 'shutting down', model });
    expect((await get('/v2/health/ready')).statusCode).toBe(503);
    const late = await server.app.inject({ method: 'POST', url: '/v1/classify', payload: Buffer.from('x') });
    expect(late.statusCode).toBe(415);
    server.setState({ code: 'READY', message: 'ready', model });
  });

  it('answers while the engine computes', async () => {
    const order: string[] = [];
    const size = 64 * 64 * 3;
    const answers = Array.from({ length: 20 }, async () => {
      await engine.infer(new Float32Array(size), 1);
      order.push('inferred');
    });
    const alive = get('/v2/health/live').then(() => order.push('alive'));
    await Promise.all([...answers, alive]);
    expect(order.indexOf('alive')).toBeLessThan(order.length - 1);
  });
});

/** name{labels} → value, after a check of the text format. */
function parseMetrics(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.trimEnd().split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-z0-9_]+ /.test(line)) continue;
    const match = /^([a-z0-9_]+(?:\{[^}]*\})?) (\S+)$/.exec(line);
    if (match?.[1] === undefined || Number.isNaN(Number(match[2]))) throw new Error(`not a sample: ${line}`);
    values.set(match[1], Number(match[2]));
  }
  return values;
}

describe('/metrics', () => {
  it.skipIf(DATA_ABSENT)(
    `counts and times every stage, and names the model ${DATA_ABSENT || ''}`,
    async () => {
      const fresh = await harness({ engine, model });
      const post = (payload: Buffer) => fresh.app.inject({ method: 'POST', url: '/v1/classify', payload });
      await post(await lidcPng());
      await post(Buffer.from('no image'));
      await fresh.app.inject({ method: 'GET', url: '/v1/secret-patient-name' });
      const response = await fresh.app.inject({ method: 'GET', url: '/metrics' });
      expect(response.headers['content-type']).toContain('text/plain');
      const values = parseMetrics(response.body);
      expect(values.get('hilum_requests_total{route="/v1/classify",status="200",code="OK"}')).toBe(1);
      expect(values.get('hilum_requests_total{route="/v1/classify",status="415",code="NOT_AN_IMAGE"}')).toBe(
        1,
      );
      expect(values.get('hilum_requests_total{route="none",status="404",code="NOT_FOUND"}')).toBe(1);
      expect(values.get('hilum_refusals_total{code="NOT_AN_IMAGE"}')).toBe(1);
      expect(values.get('hilum_images_total{format="png"}')).toBe(1);
      for (const stage of ['decode', 'preprocess', 'queue', 'infer']) {
        expect(values.get(`hilum_${stage}_seconds_count`)).toBe(1);
        expect(values.get(`hilum_${stage}_seconds_sum`)).toBeLessThan(60);
      }
      expect(values.get('hilum_requests_in_flight')).toBe(0);
      expect(values.get('hilum_queue_depth')).toBe(0);
      expect(values.get('hilum_model_ready')).toBe(1);
      const { engine: by, precision } = model.engine;
      const labels = `name="lung",version="7",digest="${model.info.digest}",engine="${by}",precision="${precision}"`;
      expect(values.get(`hilum_model_info{${labels}}`)).toBe(1);
      expect(response.body).not.toContain('secret-patient-name');
      await fresh.close();
    },
  );
});

interface Document {
  openapi: string;
  info: { title: string; description: string };
  paths: Record<string, Record<string, Operation>>;
}
interface Operation {
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<
    string,
    { description: string; content?: Record<string, { schema: { properties?: object } }> }
  >;
}

describe('the API page', () => {
  it('is an OpenAPI 3.1 document of every route that people call', async () => {
    const document = (await get('/openapi.json')).json<Document>();
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.description).toContain('Research use only, not for diagnosis');
    expect(Object.keys(document.paths).toSorted()).toEqual([
      '/health',
      '/invocations',
      '/metrics',
      '/ping',
      '/v1/classify',
      '/v1/explain',
      '/v2',
      '/v2/health/live',
      '/v2/health/ready',
      '/v2/models/{name}',
      '/v2/models/{name}/infer',
      '/v2/models/{name}/ready',
      '/v2/models/{name}/versions/{version}',
      '/v2/models/{name}/versions/{version}/infer',
      '/v2/models/{name}/versions/{version}/ready',
      '/v2/repository/index',
      '/v2/repository/models/{name}/load',
      '/v2/repository/models/{name}/unload',
      '/version',
    ]);
    const classify = document.paths['/v1/classify']?.['post'];
    expect(Object.keys(classify?.requestBody?.content ?? {})).toContain('application/dicom');
    const answer = classify?.responses['200']?.content?.['application/json']?.schema.properties ?? {};
    expect(Object.keys(answer)).toEqual(
      expect.arrayContaining(['label', 'probabilities', 'model', 'notice']),
    );
    const described = Object.values(classify?.responses ?? {}).map(({ description }) => description);
    const codes = Object.keys(ERROR_CODES).filter(
      (code) => !['NOT_FOUND', 'MODEL_UNKNOWN', 'METHOD_NOT_ALLOWED', 'CLIENT_GONE'].includes(code),
    );
    for (const code of codes) expect(described.join(', ')).toContain(code);
    expect(Object.keys(classify?.responses['422']?.content ?? {})).toEqual(['application/problem+json']);
  });

  it('resolves every reference of the document inside it', async () => {
    const text = (await get('/openapi.json')).body;
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference);
    for (const reference of references) expect(reference).toMatch(/^#\/components\//);
    expect(text).not.toContain('"$schema"');
  });

  it('is served without anything from elsewhere', async () => {
    const home = await get('/');
    expect([home.statusCode, home.headers['location']]).toEqual([302, 'docs/']);
    const page = await get('/docs/');
    expect(page.statusCode).toBe(200);
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      expect(link).toMatch(/^\.\/static\//);
      expect((await get(`/docs/${link.slice(2)}`)).statusCode).toBe(200);
    }
    expect((await get('/docs/json')).json<Document>().openapi).toBe('3.1.0');
  });
});

describe('docs/errors.md', () => {
  it('has every code', async () => {
    const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    for (const code of [...Object.keys(ERROR_CODES), ...Object.keys(READINESS_CODES)]) {
      expect(page).toMatch(new RegExp(`^\\| \`${code}\` +\\|`, 'm'));
    }
  });
});
