import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readySchema } from '@hilum/wire';
import {
  DATA_ABSENT,
  INPUT_SIZE,
  RENDERING,
  lidcPng,
  scratch,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { harness } from '../../test/harness.ts';
import { metric, until } from '../../test/listening.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';
import { createScheduler } from './scheduler.ts';
import { TOLERANCE } from './self-check.ts';

let dir: Awaited<ReturnType<typeof scratch>>;

beforeAll(async () => {
  dir = await scratch();
  await writeRealPackage(dir.path);
});

afterAll(async () => dir[Symbol.asyncDispose]());

/** Each another, of the values that images have. */
function tensorOf(seed: number): Float32Array {
  return Float32Array.from(
    { length: INPUT_SIZE * INPUT_SIZE * 3 },
    (_, at) => 120 * Math.sin(at * (0.01 + seed / 97)) * Math.cos(at / (7 + seed)),
  );
}

const forever = new AbortController().signal;

async function withEngine<T>(
  kind: 'onnxruntime' | 'tensorflow',
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const engine = await startEngine(dir.path, forever, { kind });
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

describe.each(['onnxruntime', 'tensorflow'] as const)('an image in a batch of %s', (kind) => {
  it('has the answer that it has alone, with the activations of its own', async () => {
    await withEngine(kind, async (engine) => {
      const scheduler = createScheduler({
        infer: engine.infer,
        facts: () => ({ lanes: 1, maxBatch: 8 }),
        limit: 100,
        selfCheckEvery: 1,
        now: () => performance.now(),
      });
      const seeds = Array.from({ length: 21 }, (_, seed) => seed);
      const places = seeds.map(() => scheduler.enter(1));
      const batched = await Promise.all(
        seeds.map(async (seed) =>
          places[seed]?.infer(tensorOf(seed), { signal: forever, activations: seed % 3 === 0 }),
        ),
      );
      const sizes = new Set(batched.map((answer) => answer?.batch));
      expect(sizes).toEqual(new Set([1, 8, 4]));
      for (const seed of seeds) {
        const wants = seed % 3 === 0;
        const alone = await engine.infer(tensorOf(seed), 1, { activations: wants });
        const answer = batched[seed];
        expect(difference(answer?.probabilities, alone.probabilities)).toBeLessThan(TOLERANCE);
        expect(answer?.activations === undefined).toBe(!wants);
        // Values reach hundreds; the order of their sums is another one.
        expect(difference(answer?.activations?.maps, alone.activations?.maps)).toBeLessThan(1e-3);
        expect(difference(answer?.activations?.features, alone.activations?.features)).toBeLessThan(1e-3);
      }
      for (const place of places) place.leave();
      await scheduler.idle();
      expect(scheduler.selfReport).toMatchObject({ compared: 1, differed: 0 });
    });
  });
});

describe.skipIf(DATA_ABSENT)(
  `a server whose batches answer otherwise than images alone ${DATA_ABSENT || ''}`,
  () => {
    it('says so where it says that it is ready, and in its metrics', async () => {
      const info = await writeRealPackage(dir.path);
      await withEngine('onnxruntime', async (engine) => {
        const opened = Promise.withResolvers<void>();
        const wrong: Engine = {
          ...engine,
          infer: async (batch, n, options) => {
            const answer = await engine.infer(batch, n, options);
            const error = n === 1 ? 0 : 0.01;
            return { ...answer, probabilities: answer.probabilities.map((p) => Math.abs(p - error)) };
          },
        };
        const served = servedAs(info, RENDERING);
        const model = { ...served, engine: { ...served.engine, maxBatch: 4 } };
        const gate = async (): Promise<void> => opened.promise;
        const server = await harness({ engine: wrong, model, limits: { selfCheckEvery: 1, queue: 9 }, gate });
        const payload = await lidcPng();
        const post = async () => server.app.inject({ method: 'POST', url: '/v1/classify', payload });
        const first = post();
        const others = [post(), post()];
        await until(async () => (await metric(server, 'hilum_queue_depth')) === 2);
        opened.resolve();
        for (const { statusCode } of await Promise.all([first, ...others])) expect(statusCode).toBe(200);
        await until(async () => (await metric(server, 'hilum_self_check_total{result="differs"}')) === 1);
        const ready = readySchema.parse((await server.app.inject('/v2/health/ready')).json());
        expect(ready.selfCheck).toMatchObject({ compared: 1, differed: 1 });
        expect(ready.selfCheck?.largestDifference).toBeCloseTo(0.01, 5);
        await server.close();
      });
    });
  },
);

function difference(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (a === undefined && b === undefined) return 0;
  if (a?.length !== b?.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (const [at, value] of (a ?? []).entries())
    most = Math.max(most, Math.abs(value - (b?.[at] ?? Number.NaN)));
  return most;
}
