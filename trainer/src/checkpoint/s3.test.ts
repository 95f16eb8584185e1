/** Checkpoints in a bucket of moto, which checks signatures as AWS does; and of an S3 that is away. */
import type { RequestListener } from 'node:http';
import { inspect } from 'node:util';
import { startS3, type S3Server } from '@hilum/hack';
import { AwsClient } from 'aws4fetch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCheckpoint } from '../../test/a-checkpoint.ts';
import { curveOf, fitSmall, RECIPE, STEPS } from '../../test/small-fit.ts';
import { server } from '../../test/web-remote.ts';
import type { CheckpointEvent } from '../fit/keeper.ts';
import { s3Checkpoints, type S3CheckpointOptions } from './s3.ts';

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3.stop());

/** A store under a prefix of its own. */
function on(prefix: string, changes: S3CheckpointOptions = {}) {
  const { accessKeyId, secretAccessKey, url: endpointUrl } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  return s3Checkpoints(`s3://${s3.bucket}/${prefix}`, { endpointUrl, credentials, ...changes });
}

describe('checkpoints in S3', () => {
  it('are none at first, then the newest, and where that is damaged the one before', async () => {
    expect(await on('one run').load('k')).toEqual({ checkpoint: undefined, refused: [] });
    const store = on('one run');
    for (const step of [1, 2, 3]) await store.save(aCheckpoint({ step }));
    expect((await on('one run').load('k')).checkpoint).toEqual(aCheckpoint({ step: 3 }));
    expect((await on('one run').load('other')).refused).toHaveLength(2);
    const { accessKeyId, secretAccessKey } = s3;
    const aws = new AwsClient({ accessKeyId, secretAccessKey, service: 's3', region: 'us-east-1' });
    const url = `${s3.url}/${s3.bucket}/one%20run/checkpoint-a`;
    expect((await aws.fetch(url, { method: 'PUT', body: 'damaged' })).status).toBe(200);
    const { checkpoint, refused } = await on('one run').load('k');
    expect([checkpoint, refused]).toEqual([
      aCheckpoint({ step: 2 }),
      [expect.stringMatching(/^checkpoint-a: .*damaged/)],
    ]);
    await store.clear();
    expect(await on('one run').load('k')).toEqual({ checkpoint: undefined, refused: [] });
  });

  it('carry a run over any stop, to the weights of the undisturbed one', async () => {
    const undisturbed = await fitSmall();
    for (let stopAfter = 1; stopAfter < RECIPE.epochs * STEPS; stopAfter += 3) {
      const stop = new AbortController();
      let steps = 0;
      const onStep = (): void => {
        steps += 1;
        if (steps === stopAfter) stop.abort(new Error('stopped'));
      };
      const checkpoint = { store: on(`stop ${stopAfter}`), key: 'k' };
      await expect(fitSmall({ checkpoint, onStep, signal: stop.signal })).rejects.toThrow('stopped');
      let again = 0;
      const ran = await fitSmall({
        checkpoint: { store: on(`stop ${stopAfter}`), key: 'k' },
        onStep: () => {
          again += 1;
        },
      });
      expect(ran.weights).toBe(undisturbed.weights);
      expect(curveOf(ran.fitted.epochs)).toEqual(curveOf(undisturbed.fitted.epochs));
      expect(again).toBe(RECIPE.epochs * STEPS - stopAfter);
    }
  });

  it('are refused by a code where the keys are wrong or there is no such bucket, and no error has a secret', async () => {
    const wrong = on('x', { credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: 'hush' } });
    const error: unknown = await wrong.load('k').catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'CHECKPOINT_UNREACHABLE',
      message: `s3://${s3.bucket}/x answers GET with status 403 (SignatureDoesNotMatch)`,
    });
    expect(inspect(error)).not.toContain('hush');
    const { accessKeyId, secretAccessKey, url: endpointUrl } = s3;
    const credentials = { accessKeyId, secretAccessKey };
    const none = s3Checkpoints('s3://no-such-bucket', { endpointUrl, credentials });
    await expect(none.save(aCheckpoint())).rejects.toMatchObject({
      code: 'CHECKPOINT_UNREACHABLE',
      message: expect.stringContaining('no such bucket') as string,
    });
  });
});

describe('an S3 that is away', () => {
  it('while a run saves is a warning, and the run ends as if it had been there', async () => {
    const undisturbed = await fitSmall();
    for (const [listener, why] of [
      [answering(503), /answers PUT with status 503/],
      [silent, /does not answer within 0.05 s/],
    ] as const) {
      const events: CheckpointEvent[] = [];
      const store = at(await server(listener), { requestMs: 50 });
      const ran = await fitSmall({
        checkpoint: { store, key: 'k', everySteps: 7 },
        onEvent: (event) => events.push(event),
      });
      expect(ran).toEqual(undisturbed);
      expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['checkpoint-failed']));
      expect(events[0]).toMatchObject({
        code: 'CHECKPOINT_UNREACHABLE',
        why: expect.stringMatching(why) as string,
      });
    }
  });

  it('is waited for no longer than one save may take, nor than the grace period when the run is stopped', async () => {
    const url = await server(silent);
    const events: CheckpointEvent[] = [];
    const onEvent = (event: CheckpointEvent): void => void events.push(event);
    await fitSmall({ checkpoint: { store: at(url), key: 'k', everySteps: 7, saveMs: 50 }, onEvent });
    const stop = new AbortController();
    const ended = fitSmall({
      checkpoint: { store: at(url), key: 'k', stopMs: 50 },
      signal: stop.signal,
      onStep: () => stop.abort(new Error('stopped')),
      onEvent,
    });
    await expect(ended).rejects.toThrow('stopped');
    expect(events.length).toBeGreaterThan(2);
    for (const event of events) {
      expect(event).toMatchObject({ why: expect.stringContaining('not kept in time') as string });
    }
  });

  it('when a run starts is asked again, and is then an error that is worth a retry: nothing begins anew unasked', async () => {
    let asked = 0;
    const busy = at(
      await server((_, response) => {
        asked += 1;
        response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
      }),
      { retries: 1 },
    );
    const error: unknown = await fitSmall({ checkpoint: { store: busy, key: 'k' } }).catch(
      (cause: unknown) => cause,
    );
    expect(error).toMatchObject({
      code: 'CHECKPOINT_UNREACHABLE',
      exitCode: 69,
      message: expect.stringContaining('status 503 (SlowDown)') as string,
    });
    expect(asked).toBe(2);
    await expect(at('http://127.0.0.1:9', { retries: 0 }).load('k')).rejects.toMatchObject({
      code: 'CHECKPOINT_UNREACHABLE',
    });
  });
});

/** A store that finds nothing and then gets this address's answers. */
function at(endpointUrl: string, changes: S3CheckpointOptions = {}) {
  return s3Checkpoints('s3://bucket', { endpointUrl, credentials: 'anonymous', ...changes });
}

/** Has nothing, and answers a PUT with this status. */
function answering(status: number): RequestListener {
  return (request, response) => {
    response.writeHead(request.method === 'PUT' ? status : 404).end();
  };
}

/** Has nothing, and never answers a PUT. */
const silent: RequestListener = (request, response) => {
  if (request.method !== 'PUT') response.writeHead(404).end();
};
