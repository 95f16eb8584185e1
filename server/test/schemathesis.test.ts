/** schemathesis asks all that the OpenAPI document allows, and much that it does not, and holds us to the document. */
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { run, schemathesisVenv } from '@hilum/hack';
import { closeDecoders } from '@hilum/imaging';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Engine } from '../src/engine/engine.ts';
import { startEngine } from '../src/engine/worker.ts';
import { RENDERING, scratch, servedAs, writeRealPackage } from './fixtures.ts';
import { type Harness, harness } from './harness.ts';

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
  server.app.server.closeAllConnections();
  await server.close();
  await engine.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

// The names of the model that is there; a guessed one is answered 404 and goes no further.
const CONFIG = `
[parameters]
"path.name" = "lung"
"path.version" = "7"
`;

// A schema cannot say that bytes are a slice of a chest, or that numbers fill a shape: to be well by the schema is not
// enough to be accepted.
const EXCLUDED = 'positive_data_acceptance';

it('finds nothing that our OpenAPI document does not promise', async () => {
  const { python } = await schemathesisVenv();
  const config = join(dir.path, 'schemathesis.toml');
  await writeFile(config, CONFIG);
  const { port } = server.app.server.address() as AddressInfo;
  const options = [
    ['run', `http://127.0.0.1:${port}/openapi.json`, '--no-color', '--workers', '1'],
    ['--max-examples', '15', '--generation-deterministic', '--exclude-checks', EXCLUDED],
  ].flat();
  const { code, stdout } = await run(
    join(dirname(python), 'schemathesis'),
    ['--config-file', config, ...options],
    { allowFailure: true, timeoutMs: 240_000, cwd: dir.path },
  );
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/Tested: \d\d/);
}, 300_000);
