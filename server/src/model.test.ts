import { expect, it, onTestFinished, vi } from 'vitest';
import { scratch, writeRealPackage } from '../test/fixtures.ts';
import { MORTAL, mortals } from '../test/mortal.ts';
import { startModel } from './model.ts';

it('is not ready while the engine does not answer, ready when it was started again, and gives up after that', async () => {
  const dir = await scratch();
  onTestFinished(async () => dir[Symbol.asyncDispose]());
  const threads = mortals();
  onTestFinished(() => threads[Symbol.dispose]());
  await writeRealPackage(dir.path);
  const codes: string[] = [];
  const model = startModel({
    uri: dir.path,
    cacheDir: dir.path,
    random: () => 0,
    onState: ({ code, model: served }) => codes.push(served === undefined ? code : `${code}, serving`),
    engine: { entry: MORTAL, lanes: 1, threads: 1 },
  });
  onTestFinished(async () => model.close());
  const { engine, info } = await model.ready;
  expect(engine).toMatchObject({ engine: 'onnxruntime', precision: 'float32' });
  codes.length = 0;
  threads.fate('die', 0);
  await vi.waitFor(() => expect(codes).toEqual(['ENGINE_STUCK', 'READY, serving']), 20_000);
  const pixels = info.contract.inputSize ** 2 * 3;
  expect((await model.infer(new Float32Array(pixels), 1)).probabilities.length).toBe(2);
  threads.fate('die', 1);
  expect(await model.gaveUp).toMatchObject({ code: 'ENGINE_FAILED', exitCode: 70 });
  expect(model.state).toMatchObject({ code: 'ENGINE_FAILED' });
  await expect(model.infer(new Float32Array(pixels), 1)).rejects.toMatchObject({ code: 'MODEL_NOT_READY' });
});
