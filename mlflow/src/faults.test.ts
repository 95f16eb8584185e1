/** Connections that break, hang or are refused. The waits between two tries are left out; the sockets are real. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { startMlflow } from '@hilum/hack';
import { describe, expect, it } from 'vitest';
import {
  A_RUN,
  UPLOADED,
  VERSION,
  aClosedPort,
  aPeer,
  aScratchDir,
  aSilentPeer,
  aStore,
  drip,
  json,
  quick,
} from '../test/faulty-peer.ts';
import { createMlflow } from './index.ts';

const MLMODEL = [{ path: 'MLmodel', file_size: 8 }];
const QUEUE_POOL = {
  error_code: 'BAD_REQUEST',
  message: 'QueuePool limit of size 5 overflow 10 reached, timed out',
};
const NEW_RUN = { experimentId: '1', name: 'first', startTimeMs: 1 };

describe('a real MLflow that was told other host names', () => {
  it(
    'is named as the cause with what to do, and is unreachable once it is stopped',
    { timeout: 180_000 },
    async () => {
      const server = await startMlflow({ allowedHosts: ['mlflow', 'mlflow:*'] });
      try {
        expect((await fetch(`${server.url}/version`)).status).toBe(200); // which is why ping asks for more
        const mlflow = quick(server.url);
        await expect(mlflow.ping()).rejects.toMatchObject({
          code: 'FORBIDDEN_HOST',
          status: 403,
          retryable: false,
          message: expect.stringContaining('--allowed-hosts') as string,
        });
        await expect(mlflow.resolveModel('models:/lung@champion')).rejects.toMatchObject({
          code: 'FORBIDDEN_HOST',
        });
      } finally {
        await server.stop();
      }
      await expect(quick(server.url).ping()).rejects.toMatchObject({ code: 'UNREACHABLE', retryable: true });
    },
  );
});

describe('deadlines', () => {
  it('gives up on a closed port before the deadline, after growing waits', async () => {
    const waits: number[] = [];
    const baseUrl = await aClosedPort();
    const mlflow = quick(baseUrl, {
      random: () => 0,
      sleep: (ms) => Promise.resolve(waits.push(ms)),
    });
    await expect(mlflow.createRun(NEW_RUN)).rejects.toMatchObject({ code: 'UNREACHABLE', retryable: true });
    expect(waits).toEqual([125, 250, 500, 1000]);
  });

  it('ends with the cause, not with TIMEOUT, when the time is over during a wait', async () => {
    const baseUrl = await aClosedPort();
    const mlflow = createMlflow({ baseUrl, timeoutMs: 200, attempts: 100 });
    await expect(mlflow.ping()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  it('times out on a server that takes the connection and never answers', async () => {
    const mlflow = quick(await aSilentPeer(), { timeoutMs: 200 });
    await expect(mlflow.ping()).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true });
  });

  it('times out on an upload that nobody reads', async () => {
    const mlflow = quick(await aSilentPeer(), { transferIdleMs: 200 });
    const upload = mlflow.uploadFile(UPLOADED, 'weights.bin', Buffer.alloc(20_000_000));
    await expect(upload).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('lets a slow download go on as long as bytes come', async () => {
    const baseUrl = await aStore(MLMODEL, (response) => {
      void drip(response, 8, 250);
    });
    const dir = join(await aScratchDir(), 'model');
    await quick(baseUrl, { transferIdleMs: 1500 }).downloadModel(VERSION, dir);
    expect(await readFile(join(dir, 'MLmodel'), 'utf8')).toBe('xxxxxxxx');
  });

  it('times out on a download that stops in the middle, and leaves nothing', async () => {
    const baseUrl = await aStore(MLMODEL, (response) => {
      response.writeHead(200, { 'content-length': '8' }).write('half');
    });
    const scratch = await aScratchDir();
    const download = quick(baseUrl, { transferIdleMs: 200 }).downloadModel(VERSION, join(scratch, 'model'));
    await expect(download).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await readdir(scratch)).toEqual([]);
  });

  it('stops waiting when told to, with the reason it was given', async () => {
    const stop = new AbortController();
    const reason = new Error('the operator shuts down');
    const ping = quick(await aSilentPeer()).ping(stop.signal);
    stop.abort(reason);
    await expect(ping).rejects.toBe(reason);
  });

  it('stops between two tries when told to', async () => {
    const stop = new AbortController();
    const reason = new Error('the operator shuts down');
    const { baseUrl, seen } = await aPeer((_, response) => json(response, 400, QUEUE_POOL));
    const sleep = (_: number, signal: AbortSignal): Promise<void> => {
      setTimeout(() => stop.abort(reason));
      return sleepFor(60_000, undefined, { signal });
    };
    const mlflow = createMlflow({ baseUrl, sleep });
    await expect(mlflow.ping(stop.signal)).rejects.toBe(reason);
    expect(seen).toHaveLength(1);
  });
});

describe('repeating', () => {
  it('repeats even a creation that the server refused for want of a database connection', async () => {
    const { baseUrl, seen } = await aPeer((_, response, count) => {
      if (count < 3) json(response, 400, QUEUE_POOL);
      else json(response, 200, A_RUN);
    });
    expect((await quick(baseUrl).createRun(NEW_RUN)).runId).toBe('r1');
    expect(seen).toHaveLength(3);
  });

  it('does not repeat a creation whose answer was lost, as the run may be there', async () => {
    const { baseUrl, seen } = await aPeer((request) => request.socket.destroy());
    await expect(quick(baseUrl).createRun(NEW_RUN)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(seen).toHaveLength(1);
  });

  it('repeats a read whose answer was lost', async () => {
    const { baseUrl, seen } = await aPeer((request, response, count) => {
      if (count === 1) request.socket.destroy();
      else json(response, 200, A_RUN);
    });
    expect((await quick(baseUrl).getRun('r1')).runId).toBe('r1');
    expect(seen).toHaveLength(2);
  });

  it('does not repeat what the server refuses for good', async () => {
    const { baseUrl, seen } = await aPeer((_, response) =>
      json(response, 400, { error_code: 'INVALID_PARAMETER_VALUE', message: 'no' }),
    );
    await expect(quick(baseUrl).getRun('r1')).rejects.toMatchObject({ code: 'INVALID_PARAMETER_VALUE' });
    expect(seen).toHaveLength(1);
  });

  it('uploads the whole file again after the connection broke', async () => {
    const bodies: number[] = [];
    const { baseUrl } = await aPeer((request, response, count) => {
      if (count === 1) return void request.once('data', () => request.socket.destroy());
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      return void request.on('end', () => {
        bodies.push(bytes);
        json(response, 200, {});
      });
    });
    await quick(baseUrl).uploadFile(UPLOADED, 'weights.bin', Buffer.alloc(3_000_000));
    expect(bodies).toEqual([3_000_000]);
  });

  it('fetches a file again that broke off or came short', async () => {
    const baseUrl = await aStore(MLMODEL, (response, count) => {
      if (count === 1)
        response.writeHead(200, { 'content-length': '8' }).write('half', () => response.destroy());
      else if (count === 2) response.end('short');
      else response.end('complete');
    });
    const dir = join(await aScratchDir(), 'model');
    const seen: number[] = [];
    await quick(baseUrl).downloadModel(VERSION, dir, { onProgress: ({ bytes }) => seen.push(bytes) });
    expect(await readFile(join(dir, 'MLmodel'), 'utf8')).toBe('complete');
    expect(seen.at(-1)).toBe(8);
  });

  it('never has more than 8 calls under way', async () => {
    let now = 0;
    let most = 0;
    const { baseUrl, seen } = await aPeer((_, response) => {
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
        json(response, 200, A_RUN);
      }, 20);
    });
    const mlflow = quick(baseUrl);
    await Promise.all(Array.from({ length: 40 }, () => mlflow.getRun('r1')));
    expect(seen).toHaveLength(40);
    expect(most).toBe(8);
  });
});
