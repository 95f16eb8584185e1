import { join } from 'node:path';
import { run } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { scratch, writeRealPackage } from '../../test/fixtures.ts';
import { MORTAL, mortals } from '../../test/mortal.ts';
import { difference, image } from '../../test/squares.ts';
import type { EngineAnswer } from './engine.ts';
import { type EngineOptions, startEngine } from './worker.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
/** Of five images. */
let want: readonly EngineAnswer[];

beforeAll(async () => {
  dir = await scratch();
  await writeRealPackage(dir.path);
  const engine = await startEngine(dir.path, new AbortController().signal);
  want = await Promise.all([0, 1, 2, 3, 4].map(async (at) => engine.infer(image(at), 1)));
  await engine.close();
});

afterAll(async () => dir[Symbol.asyncDispose]());

describe('an engine whose thread is lost', () => {
  it('fails what was in it, says so, is started again, and answers; a second time it gives up', async () => {
    const { engine, troubles, next, fate } = await mortal();
    fate('die', 0);
    expect(await next()).toMatch(/ended with code 3/);
    expect(await next()).toBeUndefined();
    expect(difference((await engine.infer(image(4), 1)).probabilities, want[4]?.probabilities)).toBe(0);
    fate('die', 1);
    expect(await engine.died).toMatchObject({ code: 'ENGINE_FAILED', exitCode: 70 });
    await expect(engine.infer(image(0), 1)).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(troubles.length).toBe(2);
  });

  it('takes one that hangs for lost after its time, and goes on with another', async () => {
    const { engine, next, fate } = await mortal({ answerMs: 4_000 });
    fate('hang', 0);
    const [stuck, waits] = [engine.infer(image(1), 1), engine.infer(image(2), 1)];
    await expect(stuck).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(await next()).toMatch(/no answer of the inference engine within 4000 ms/);
    expect(await next()).toBeUndefined();
    expect(difference((await waits).probabilities, want[2]?.probabilities)).toBe(0);
  });

  it('stays ready while another lane answers', async () => {
    const { engine, troubles, born, fate } = await mortal({ lanes: 2, threads: 2 });
    const many = async () => Promise.all(Array.from({ length: 12 }, async () => engine.infer(image(0), 1)));
    await many();
    expect(born.length).toBe(2);
    fate('die', 0);
    await vi.waitFor(() => expect(born.length).toBe(3), 20_000);
    for (const { probabilities } of await many()) {
      expect(difference(probabilities, want[0]?.probabilities)).toBe(0);
    }
    expect(troubles).toEqual([]);
  });
});

describe('the process', () => {
  // onnxruntime's addon aborts a process whose thread is ended under it: exit code 134.
  it('ends in peace while images are computed', async () => {
    expect(await ending('busy')).toMatchObject({ code: 0, stdout: '32 probabilities' });
  });

  it.each(['1', '150', '300', '450'])('ends in peace %s ms after the start began', async (ms) => {
    expect(await ending(ms)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^(started|given up)$/) as string,
    });
  });
});

describe('lanes beside the first', () => {
  it('come when images keep meeting, go after a minute of calm, and come again', async () => {
    let now = 0;
    const { engine, born, troubles } = await mortal({ lanes: 2, threads: 2, now: () => now });
    const many = async () => Promise.all(Array.from({ length: 12 }, async () => engine.infer(image(0), 1)));
    await engine.infer(image(0), 1);
    expect(born.length).toBe(1);
    await many();
    expect(born.length).toBe(2);
    now = 61_000;
    await engine.infer(image(0), 1);
    await engine.infer(image(0), 1); // the first was given out before the second lane went
    await many();
    await vi.waitFor(() => expect(born.length).toBe(3), 20_000);
    expect(troubles).toEqual([]);
  });
});

async function ending(when: string) {
  const file = join(import.meta.dirname, '../../test/ending-process.ts');
  return run(process.execPath, [file, dir.path, when], { allowFailure: true });
}

async function mortal(options: EngineOptions = {}) {
  const { born, fate, [Symbol.dispose]: close } = mortals();
  onTestFinished(close);
  const troubles: (string | undefined)[] = [];
  const waiting: ((trouble: string | undefined) => void)[] = [];
  let read = 0;
  const engine = await startEngine(dir.path, new AbortController().signal, {
    lanes: 1,
    threads: 1,
    ...options,
    entry: MORTAL,
    onTrouble: (why) => {
      troubles.push(why);
      waiting.shift()?.(why);
    },
  });
  onTestFinished(async () => engine.close());
  return {
    engine,
    born,
    troubles,
    next: async (): Promise<string | undefined> => {
      const at = read++;
      if (at < troubles.length) return troubles[at];
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    fate,
  };
}
