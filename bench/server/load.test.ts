import { once } from 'node:events';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Target, askOnce, closedLoop, openLoop } from './load.ts';

const dialect = {
  asked: [0, 1].map((index) => ({ path: `/${index}`, headers: {}, body: Buffer.from('image') })),
  read: (answer: unknown) => (answer as { p: number }).p,
};

/** Calls `work` with a target that is answered by `listener`. */
async function answeredBy<T>(listener: RequestListener, work: (target: Target) => Promise<T>): Promise<T> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    return await work({ port, dialect, expected: [0.25, 0.75], tolerance: 1e-3, timeoutMs: 500 });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const nearly: RequestListener = (request, response) => {
  response.end(JSON.stringify({ p: request.url === '/0' ? 0.25 : 0.7504 }));
};

describe('load on a server', () => {
  it('counts right answers, each beside that of its own image', async () => {
    const { latencies, failures, worstDifference } = await answeredBy(nearly, (target) =>
      closedLoop(target, 3, 20),
    );
    expect(latencies).toHaveLength(20);
    expect(failures).toEqual({});
    expect(worstDifference).toBeCloseTo(0.0004, 9);
  });

  it('counts wrong answers, refusals and answers without a number as failures', async () => {
    let asked = 0;
    const bodies = [{ p: 0.25 }, { p: 0.25 }, {}];
    const sometimes: RequestListener = (_request, response) => {
      asked += 1;
      if (asked === 4) response.statusCode = 503;
      response.end(JSON.stringify(bodies[asked - 1] ?? {}));
    };
    const { latencies, failures } = await answeredBy(sometimes, (target) => closedLoop(target, 1, 4));
    expect(latencies).toHaveLength(1);
    expect(failures).toEqual({ 'wrong by 0.5': 1, 'wrong by NaN': 1, '503': 1 });
  });

  it('leaves a server that does not answer in time', async () => {
    const left: string[] = [];
    const silent: RequestListener = (_request, response) => {
      response.once('close', () => left.push('gone'));
    };
    const what = await answeredBy(silent, async (target) => {
      const failure = await askOnce({ ...target, timeoutMs: 50 });
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
      return failure;
    });
    expect(what).toBe('ABORT_ERR');
    expect(left).toEqual(['gone']);
  });

  it('asks at its own pace, whatever becomes of the requests before', async () => {
    let open = 0;
    let most = 0;
    const slow: RequestListener = (_request, response) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        response.end(JSON.stringify({ p: 0.25 }));
      }, 200);
    };
    const { latencies, failures } = await answeredBy(slow, (target) =>
      openLoop({ ...target, expected: [0.25, 0.25] }, 100, 0.3),
    );
    expect([latencies.length, failures]).toEqual([30, {}]);
    // A closed loop of one client has one at a time.
    expect(most).toBeGreaterThan(5);
  });
});
