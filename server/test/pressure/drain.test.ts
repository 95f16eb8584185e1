import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { DATA_ABSENT, lidcPng, scratch, writeRealPackage } from '../fixtures.ts';
import { type Answered, openLoop } from '../open-loop.ts';
import { type ServerProcess, spawnServer } from '../process.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let packageDir: string;

beforeAll(async () => {
  dir = await scratch();
  packageDir = join(dir.path, 'package');
  await writeRealPackage(packageDir);
});

afterAll(async () => dir[Symbol.asyncDispose]());

async function started(env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await spawnServer({ HILUM_MODEL_URI: packageDir, ...env });
  onTestFinished(() => void server.child.kill('SIGKILL'));
  return server;
}

const isReady = async ({ url }: ServerProcess): Promise<boolean> => {
  const response = await fetch(`${url}/v2/health/ready`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 200;
};

/** What a balancer does: sends here until it hears that the server is not ready, and asks for that often. */
function balancer(server: ServerProcess): { readonly until: AbortSignal; readonly stop: () => void } {
  const end = new AbortController();
  const probe = async (): Promise<void> => {
    if (!(await isReady(server))) end.abort();
    else if (!end.signal.aborted) setTimeout(() => void probe(), 20);
  };
  void probe();
  return { until: end.signal, stop: () => end.abort() };
}

describe.skipIf(DATA_ABSENT)(
  `a server that is told to end while more comes than it can do ${DATA_ABSENT || ''}`,
  () => {
    it.each([{ keepAlive: true }, { keepAlive: false }])(
      'answers or refuses every request, closes the connections, and exits with 0 (kept connections: $keepAlive)',
      async ({ keepAlive }) => {
        const server = await started({ HILUM_LINGER_MS: '1000', HILUM_MAX_IN_FLIGHT: '6' });
        const { until } = balancer(server);
        let told = false;
        const afterwards: Answered[] = [];
        const load = openLoop({
          url: `${server.url}/v1/classify`,
          body: await lidcPng(),
          perSecond: 250,
          until,
          patienceMs: 30_000,
          keepAlive,
          random: Math.random,
          onAnswer: (answer) => {
            if (told) afterwards.push(answer);
          },
        });
        await new Promise((resolve) => {
          setTimeout(resolve, 1_500);
        });
        told = true;
        server.child.kill('SIGTERM');
        const { sent, answers, failures, left } = await load;
        expect(await server.ended).toBe(0);
        expect({ failures, left, answered: answers.length }).toEqual({
          failures: {},
          left: 0,
          answered: sent,
        });
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
        expect(new Set(answers.map(({ code }) => code))).toContain('QUEUE_FULL');
        expect(afterwards.some(({ status }) => status === 200)).toBe(true);
        expect(afterwards.at(-1)?.headers.connection).toBe('close');
      },
    );
  },
);
