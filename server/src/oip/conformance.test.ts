import type { AddressInfo } from 'node:net';
import { runConformance } from '@hilum/test';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RENDERING, scratch, servedAs, writeRealPackage } from '../../test/fixtures.ts';
import { type Harness, harness } from '../../test/harness.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let engine: Engine;
let server: Harness;

beforeAll(async () => {
  dir = await scratch();
  const info = await writeRealPackage(dir.path);
  engine = await startEngine(dir.path, new AbortController().signal);
  server = await harness({ engine, model: servedAs(info, RENDERING) });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
});

afterAll(async () => {
  await server.close();
  await engine.close();
  await dir[Symbol.asyncDispose]();
});

it('our server does all that the conformance suite asks, over HTTP, with bytes, and over gRPC', async () => {
  const { port } = server.app.server.address() as AddressInfo;
  const report = await runConformance({ url: `http://127.0.0.1:${port}` });
  const rest = report.findings.filter(({ result }) => result !== 'pass');
  expect(rest).toEqual([]);
  expect(report).toMatchObject({ model: 'lung', failed: 0, skipped: 0 });
  expect(report.passed).toBeGreaterThan(50);
});
