/** A side in a process of its own, so that its start, its memory and its end are its own. */
import { run } from '@hilum/hack';
import type { z } from 'zod';

export type Answer<T> = {
  /** The last line of standard output that is a JSON object. */
  readonly answer: T;
  /** From the start of the process to the first such line: what was asked for is there. */
  readonly seconds: number;
};

// The slowest child trains 20 epochs of everything on a busy machine.
const TIMEOUT_MS = 1_800_000;

/** Environment of both sides alike: nothing is said of threads, so that both take what the machine has. */
const ENV = { TF_CPP_MIN_LOG_LEVEL: '2', CUDA_VISIBLE_DEVICES: '', PYTHONUNBUFFERED: '1' };

export async function ask<T>(
  schema: z.ZodType<T>,
  command: string,
  args: readonly string[],
): Promise<Answer<T>> {
  const started = performance.now();
  let seconds: number | undefined;
  let line: string | undefined;
  const onLine = (text: string): void => {
    if (!text.startsWith('{')) return;
    seconds ??= (performance.now() - started) / 1000;
    line = text;
  };
  await run(command, args, { env: ENV, timeoutMs: TIMEOUT_MS, onLine });
  if (seconds === undefined || line === undefined) throw new Error(`${args[0] ?? command} gave no answer`);
  return { answer: schema.parse(JSON.parse(line)), seconds };
}
