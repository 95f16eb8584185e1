/** A registered model is one that MLflow itself can serve: plain Python, without a line of ours. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serveWithMlflow, startMlflow, type MlflowServer, type ModelServer } from '@hilum/hack';
import { createMlflow } from '@hilum/mlflow';
import { loadClassifier, loadEngine } from '@hilum/model';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { aRecipe, aRun } from '../test/runs.ts';
import { scratchDir } from '../test/scratch.ts';
import { writePhantomStudies } from './phantom/studies.ts';
import { train } from './train.ts';

const scratch = scratchDir('serve-in-mlflow');
let tracking: MlflowServer;
let server: ModelServer | undefined;

beforeAll(async () => {
  const data = join(scratch, 'phantom');
  await writePhantomStudies({ dir: data, patients: 12, slices: 1, seed: 7 });
  tracking = await startMlflow();
  await train(
    await aRun(scratch, data, {
      preprocessing: { inputSize: 32 },
      ...aRecipe({ hyperparameters: { epochs: 1 } }),
      tracking: { mlflow: createMlflow({ baseUrl: tracking.url }), experiment: 'serve', runName: 'serve' },
      registration: { model: 'lung', alias: 'champion' },
    }),
  );
  server = await serveWithMlflow('models:/lung@champion', tracking.url);
});
afterAll(async () => {
  await server?.stop();
  await tracking.stop();
});

it('`mlflow models serve` answers for the input example what our classifier answers', async () => {
  const dir = join(scratch, 'package');
  const response = await fetch(`${server?.url}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: await readFile(join(dir, 'serving_input_example.json'), 'utf8'),
    signal: AbortSignal.timeout(30_000),
  });
  expect(response.status).toBe(200);
  const answer = (await response.json()) as { predictions: { probabilities: number[][] } };
  const example = JSON.parse(await readFile(join(dir, 'input_example.json'), 'utf8')) as number[][][][];
  const classifier = await loadClassifier(await loadEngine(), dir);
  const ours = [...classifier.predict(Float32Array.from(example.flat(3)), 1)];
  classifier.dispose();
  const [theirs = []] = answer.predictions.probabilities;
  expect(theirs).toHaveLength(2);
  for (const [at, value] of theirs.entries()) expect(Math.abs(value - (ours[at] ?? 9))).toBeLessThan(1e-5);
});

it('and refuses an image of another size with 400 rather than guess', async () => {
  const response = await fetch(`${server?.url}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: [[[[0, 0, 0]]]] }),
    signal: AbortSignal.timeout(30_000),
  });
  expect(response.status).toBe(400);
});
