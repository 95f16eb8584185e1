/** The metrics of a server that answered real requests, as Prometheus' own tool sees them, and as the docs list them. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@hilum/hack';
import { closeDecoders } from '@hilum/imaging';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  RENDERING,
  ctSlice,
  lidcPng,
  scratch,
  servedAs,
  writeRealPackage,
} from '../test/fixtures.ts';
import { type Harness, harness } from '../test/harness.ts';
import type { Engine } from './engine/engine.ts';
import { startEngine } from './engine/worker.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let engine: Engine;
let server: Harness;

beforeAll(async () => {
  dir = await scratch();
  const info = await writeRealPackage(dir.path);
  engine = await startEngine(dir.path, new AbortController().signal);
  server = await harness({ engine, model: { ...servedAs(info, RENDERING), engine: engine.facts } });
});

afterAll(async () => {
  await server.close();
  await engine.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

const post = (url: string, payload: Buffer) => server.app.inject({ method: 'POST', url, payload });

const PAGE = new URL('../../docs/observability.md', import.meta.url);

async function promtool(args: readonly string[], input: string): Promise<{ said: string; code: number }> {
  const { code, stdout, stderr } = await run('promtool', args, { input, allowFailure: true });
  return { said: stdout + stderr, code };
}

async function metrics(): Promise<string> {
  return (await server.app.inject({ method: 'GET', url: '/metrics' })).body;
}

/** Of one sample, 0 where there is none. */
async function valueOf(sample: string): Promise<number> {
  const line = (await metrics()).split('\n').find((one) => one.startsWith(`${sample} `));
  return Number(line?.slice(sample.length) ?? 0);
}

describe('the metrics', () => {
  it.skipIf(DATA_ABSENT)(`pass the lint of promtool after real requests ${DATA_ABSENT || ''}`, async () => {
    for (const bytes of [await lidcPng(), await ctSlice(), Buffer.from('no image')]) {
      await post('/v1/classify', bytes);
      await post('/v1/explain', bytes);
    }
    expect(await promtool(['check', 'metrics'], await metrics())).toEqual({ said: '', code: 0 });
  });

  it('are asked for in docs/observability.md in words that Prometheus understands, by names that there are', async () => {
    const page = await readFile(PAGE, 'utf8');
    const asked = [...page.matchAll(/```promql\n([^`]+)```/g)].map(([, expr]) => expr ?? '');
    expect(asked.length).toBeGreaterThan(5);
    const rules = asked.map((expr, at) => ({ record: `a${at}`, expr }));
    const file = join(dir.path, 'rules.yaml');
    await writeFile(file, JSON.stringify({ groups: [{ name: 'docs', rules }] }));
    expect(await promtool(['check', 'rules', file], '')).toMatchObject({ code: 0 });
    const text = await metrics();
    for (const [name] of asked.join(' ').matchAll(/hilum_\w+/g)) expect(text).toContain(name);
  });

  it.skipIf(DATA_ABSENT)(
    `count each answer once, its score in one bucket, and each refusal ${DATA_ABSENT || ''}`,
    async () => {
      const before = await Promise.all(
        [
          'hilum_score_ratio_count',
          'hilum_answers_total{outcome="classified"}',
          'hilum_refusals_total{code="NOT_AN_IMAGE"}',
          'hilum_encode_seconds_count',
        ].map(async (sample) => [sample, await valueOf(sample)] as const),
      );
      await post('/v1/classify', await lidcPng());
      await post('/v1/classify', Buffer.from('no image'));
      for (const [sample, value] of before) {
        const more = sample.startsWith('hilum_encode') ? 2 : 1;
        expect(await valueOf(sample), sample).toBe(value + more);
      }
      expect(await valueOf('hilum_score_ratio_bucket{le="1"}')).toBe(
        await valueOf('hilum_score_ratio_count'),
      );
    },
  );

  it('are all in docs/observability.md, with their labels, and nothing else is', async () => {
    const page = await readFile(PAGE, 'utf8');
    const rows = page.split('\n').flatMap((line) => {
      const [, name, type, labels] = /^\| `(hilum_\w+)` +\| (\w+) +\| ([^|]*?) *\|/.exec(line) ?? [];
      return name === undefined ? [] : [`${name} ${type} ${labels}`];
    });
    const all = await server.registry.getMetricsAsJSON();
    const own = all.filter(({ name }) => name.startsWith('hilum_'));
    const labelsOf = (name: string): string => {
      const metric = server.registry.getSingleMetric(name) as { labelNames?: readonly string[] } | undefined;
      return (metric?.labelNames ?? [])
        .filter((label) => label !== 'le')
        .map((label) => `\`${label}\``)
        .join(', ');
    };
    const want = own.map(({ name, type }) => `${name} ${String(type)} ${labelsOf(name)}`);
    expect(new Set(rows)).toEqual(new Set(want));
  });

  it('have no label that a client chose', async () => {
    await server.app.inject({ method: 'GET', url: '/v1/SECRET?SECRET', headers: { 'user-agent': 'SECRET' } });
    await server.app.inject({ method: 'POST', url: '/v2/models/SECRET/infer', payload: { id: 'SECRET' } });
    await server.app.inject({
      method: 'POST',
      url: '/v1/classify',
      payload: 'SECRET',
      headers: { 'x-request-id': 'SECRET' },
    });
    expect(await metrics()).not.toContain('SECRET');
  });
});
