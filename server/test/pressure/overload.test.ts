import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { DATA_ABSENT, ctSlice, scratch, writeRealPackage } from '../fixtures.ts';
import { openLoop } from '../open-loop.ts';
import { spawnServer } from '../process.ts';

const NO_PROC = existsSync('/proc/self/status') ? false : 'no /proc to read the memory of a process from';
const MIB = 1_048_576;

let dir: Awaited<ReturnType<typeof scratch>>;
let packageDir: string;

beforeAll(async () => {
  dir = await scratch();
  packageDir = join(dir.path, 'package');
  await writeRealPackage(packageDir);
});

afterAll(async () => dir[Symbol.asyncDispose]());

/** Answers a second with some clients that always ask again. */
async function capacity(url: string, body: Uint8Array<ArrayBuffer>, seconds: number): Promise<number> {
  const startedAt = performance.now();
  const isOver = (): boolean => performance.now() - startedAt > seconds * 1_000;
  let answered = 0;
  const client = async (): Promise<void> => {
    while (!isOver()) {
      const response = await fetch(url, { method: 'POST', body });
      await response.arrayBuffer();
      if (response.status === 200) answered += 1;
    }
  };
  await Promise.all(Array.from({ length: 4 }, client));
  return (answered * 1_000) / (performance.now() - startedAt);
}

describe.skipIf(DATA_ABSENT || NO_PROC)(
  `three times as many clients as can be answered ${DATA_ABSENT || NO_PROC || ''}`,
  () => {
    it('are told so at once, cost no memory that stays, and nobody is computed for who has left', async () => {
      const server = await spawnServer({ HILUM_MODEL_URI: packageDir });
      onTestFinished(() => void server.child.kill('SIGKILL'));
      const url = `${server.url}/v1/classify`;
      const body = new Uint8Array(await ctSlice());
      const perSecond = 3 * (await capacity(url, body, 3));
      const phase = async (seconds: number) => {
        const load = { url, body, perSecond, patienceMs: 5_000, random: Math.random };
        const result = await openLoop({ ...load, until: AbortSignal.timeout(seconds * 1_000) });
        return { ...result, residentBytes: await server.residentBytes() };
      };
      const first = await phase(5);
      const second = await phase(10);
      const { answers, sent, left, failures, residentBytes } = second;
      expect({ answered: answers.length, left, failures }).toEqual({ answered: sent, left: 0, failures: {} });
      const codes = new Set(answers.map(({ status, code }) => `${status} ${status === 200 ? '' : code}`));
      expect(codes).toEqual(new Set(['200 ', '503 QUEUE_FULL']));
      for (const { status, headers } of answers) {
        expect(status === 503 ? headers['retry-after'] : '1').toMatch(/^[1-9][0-9]*$/);
      }
      // Garbage is collected when the engine of JavaScript likes; a leak of the bodies (0.5 MB each) were hundreds of MiB.
      expect(residentBytes - first.residentBytes).toBeLessThan(64 * MIB);
      server.child.kill('SIGTERM');
      expect(await server.ended).toBe(0);
    });
  },
);
