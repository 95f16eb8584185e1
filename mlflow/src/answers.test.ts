/** Answers that are wrong, hostile or a refusal; and what we send to be let in. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  A_RUN,
  VERSION,
  aPeer,
  aScratchDir,
  aStore,
  json,
  quick,
  type Handler,
} from '../test/faulty-peer.ts';
import { createMlflow } from './index.ts';

describe('answers that are not to be trusted', () => {
  it.each(['../../../etc/cron.d/x', '/etc/x', 'a/../../x'])(
    'writes nothing for a listed file %s',
    async (path) => {
      const baseUrl = await aStore([{ path, file_size: 4 }], (response) => response.end('evil'));
      const scratch = await aScratchDir();
      const download = quick(baseUrl).downloadModel(VERSION, join(scratch, 'model'));
      await expect(download).rejects.toMatchObject({ code: 'ARTIFACT_PATH_INVALID' });
      expect(await readdir(scratch)).toEqual([]);
    },
  );

  it('gives up on a listing without end', async () => {
    const baseUrl = await aStore([{ path: 'deeper', is_dir: true }], (response) => response.end('evil'));
    const dir = join(await aScratchDir(), 'model');
    await expect(quick(baseUrl).downloadModel(VERSION, dir)).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
    expect(existsSync(dir)).toBe(false);
  });

  it('downloads from no other place than the server', async () => {
    const { baseUrl } = await aPeer((_, response) =>
      json(response, 200, { artifact_uri: 's3://bucket/1/r1/model' }),
    );
    const download = quick(baseUrl).downloadModel(VERSION, join(await aScratchDir(), 'model'));
    await expect(download).rejects.toMatchObject({ code: 'ARTIFACT_STORE_UNSUPPORTED' });
  });

  it.each([
    {
      what: 'a login page',
      status: 200,
      body: '<html>Sign in</html>',
      code: 'UNEXPECTED_ANSWER',
      retryable: false,
    },
    { what: 'a redirect', status: 302, body: '', code: 'UNEXPECTED_ANSWER', retryable: false },
    {
      what: 'another JSON',
      status: 200,
      body: '{"run":{"info":{}}}',
      code: 'UNEXPECTED_ANSWER',
      retryable: false,
    },
    {
      what: 'a page of a missing path',
      status: 404,
      body: 'Not Found',
      code: 'UNEXPECTED_ANSWER',
      retryable: false,
    },
    {
      what: 'a gateway without server',
      status: 502,
      body: 'Bad Gateway',
      code: 'SERVER_ERROR',
      retryable: true,
    },
    {
      what: 'a call that the server does not know',
      status: 501,
      body: 'Not Implemented',
      code: 'UNEXPECTED_ANSWER',
      retryable: false,
    },
    { what: 'a busy gateway', status: 503, body: '', code: 'OVERLOADED', retryable: true },
    { what: 'a refusal in plain text', status: 403, body: 'no', code: 'PERMISSION_DENIED', retryable: false },
  ])('calls $what $code', async ({ status, body, code, retryable }) => {
    const { baseUrl } = await aPeer((_, response) =>
      response.writeHead(status, { location: '/login' }).end(body),
    );
    await expect(quick(baseUrl).getRun('r1')).rejects.toMatchObject({ code, retryable });
  });
});

const checking: Handler = (request, response) => {
  const want = `Basic ${Buffer.from('anna:s3cret&/').toString('base64')}`;
  if (request.headers.authorization === want) json(response, 200, A_RUN);
  else response.writeHead(401).end('You are not authenticated.');
};

describe('a server that wants to be left alone for a while', () => {
  it.each([
    { header: '7', waits: [7_000] },
    { header: 'Wed, 21 Oct 2026 07:28:00 GMT', waits: [125] },
    { header: '-1', waits: [125] },
  ])('is asked again after $waits ms where Retry-After is $header', async ({ header, waits }) => {
    const waited: number[] = [];
    const { baseUrl } = await aPeer((_, response, count) => {
      if (count === 1) response.writeHead(429, { 'retry-after': header }).end('slow down');
      else json(response, 200, A_RUN);
    });
    const sleep = (ms: number): Promise<void> => Promise.resolve(void waited.push(ms));
    expect((await quick(baseUrl, { sleep, random: () => 0 }).getRun('r1')).runId).toBe('r1');
    expect(waited).toEqual(waits);
  });
});

describe('a token', () => {
  it.each([
    { profile: undefined, want: 'Bearer a1b2' },
    { profile: 'mlflow', want: 'Bearer a1b2' },
    { profile: 'dagshub', want: `Basic ${Buffer.from('a1b2:a1b2').toString('base64')}` },
  ] as const)('is shown as $want in the profile $profile', async ({ profile, want }) => {
    const shown: (string | undefined)[] = [];
    const { baseUrl } = await aPeer((request, response) => {
      shown.push(request.headers.authorization);
      json(response, 200, A_RUN);
    });
    await quick(baseUrl, { token: 'a1b2', profile }).getRun('r1');
    expect(shown).toEqual([want]);
  });

  it('is shown as user and password to dagshub.com, without a word about the profile', async () => {
    const shown: (string | null)[] = [];
    const answer = (_: unknown, init?: RequestInit): Promise<Response> => {
      shown.push(new Headers(init?.headers).get('authorization'));
      return Promise.resolve(Response.json(A_RUN));
    };
    for (const baseUrl of ['https://dagshub.com/anna/lung.mlflow', 'https://notdagshub.com/anna'])
      await createMlflow({ baseUrl, token: 'a1b2', fetch: answer }).getRun('r1');
    expect(shown).toEqual([`Basic ${Buffer.from('a1b2:a1b2').toString('base64')}`, 'Bearer a1b2']);
  });
});

describe('credentials', () => {
  it('are sent from the options', async () => {
    const { baseUrl } = await aPeer(checking);
    expect((await quick(baseUrl, { username: 'anna', password: 's3cret&/' }).getRun('r1')).runId).toBe('r1');
  });

  it('are taken out of the address, and shown nowhere', async () => {
    const { baseUrl, seen } = await aPeer(checking);
    const withUser = baseUrl.replace('//', '//anna:s3cret%26%2F@');
    const mlflow = quick(withUser);
    expect((await mlflow.getRun('r1')).runId).toBe('r1');
    expect(mlflow.baseUrl).toBe(baseUrl);
    expect(seen.join('\n')).not.toContain('s3cret');
  });

  it('that are wrong are an error which does not repeat them', async () => {
    const { baseUrl, seen } = await aPeer(checking);
    const error: unknown = await quick(baseUrl, { username: 'anna', password: 'wr0ng' })
      .getRun('r1')
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED', status: 401, retryable: false });
    expect(String(error) + JSON.stringify(error)).not.toContain('wr0ng');
    expect(seen).toHaveLength(1);
  });

  it.each(['ftp://anna:s3cret@host', 'host:5000', 'not a url s3cret'])(
    'an address that is none is refused unseen',
    (baseUrl) => {
      expect(() => createMlflow({ baseUrl })).toThrow(
        expect.objectContaining({
          code: 'BASE_URL_INVALID',
          message: expect.not.stringContaining('s3cret') as string,
        }) as Error,
      );
    },
  );

  it('keeps the path of an address', async () => {
    const { baseUrl, seen } = await aPeer((_, response) => json(response, 200, A_RUN));
    await quick(`${baseUrl}/team/lung.mlflow/`).getRun('r1');
    expect(seen).toEqual(['GET /team/lung.mlflow/api/2.0/mlflow/runs/get?run_id=r1']);
  });
});
