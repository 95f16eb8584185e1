/** Against moto, which checks signatures as AWS does, and a fetch that only looks. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { startS3, type S3Server } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { openRemote } from './open-remote.ts';
import type { S3Options } from './s3-store.ts';

const scratch = scratchDir('s3');
const HELLO = { file: join(scratch, 'hello'), bytes: 5, md5: '5d41402abc4b2a76b9719d911017c592' };
beforeAll(() => writeFile(HELLO.file, 'hello'));

const credentials = { accessKeyId: 'AKIA', secretAccessKey: 'secret' };

describe('signatures', () => {
  let s3: S3Server;
  beforeAll(async () => {
    s3 = await startS3();
  });
  afterAll(() => s3.stop());
  const opened = (other: Partial<S3Server>, prefix = '') => {
    const { accessKeyId, secretAccessKey } = { ...s3, ...other };
    const options = { endpointUrl: s3.url, credentials: { accessKeyId, secretAccessKey } };
    return openRemote(`s3://${s3.bucket}${prefix}`, { s3: options });
  };

  it.each(['', '/plain/', "/pre fix+ü/a'(b)*!~&=@:,$;%25/x"])('hold for the prefix %j', async (prefix) => {
    const remote = opened({}, prefix);
    expect(await remote.has('a/b')).toBe(false);
    expect(await remote.read('a/b', 0)).toBeUndefined();
    await remote.write('a/b', HELLO);
    expect(await remote.has('a/b')).toBe(true);
    const body = await remote.read('a/b', 2);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body?.bytes ?? []) chunks.push(chunk);
    expect([body?.from, Buffer.concat(chunks).toString()]).toEqual([2, 'llo']);
  });

  it.each([
    ['another secret', { secretAccessKey: 'secret' }, 'SignatureDoesNotMatch'],
    ['an unknown key', { accessKeyId: 'AKIAX' }, 'InvalidAccessKeyId'],
  ])('of %s are refused, and the error says by what code of S3', async (_, other, code) => {
    const error: unknown = await opened(other)
      .write('a', HELLO)
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'DATASET_FORBIDDEN',
      message: `s3://hilum-test answers PUT with status 403 (${code})`,
    });
    expect(inspect(error)).not.toContain('secret');
  });
});

describe('an S3 remote', () => {
  it('is addressed as AWS wants it, or by an endpoint of one’s own', async () => {
    expect(await at({})).toBe('https://bucket.s3.us-east-1.amazonaws.com/pre/files/md5/ab/c');
    expect(await at({ env: { AWS_REGION: 'eu-central-1' } }, 's3://my.bucket')).toBe(
      'https://s3.eu-central-1.amazonaws.com/my.bucket/files/md5/ab/c',
    );
    expect(await at({ env: { AWS_ENDPOINT_URL: 'http://minio:9000/' } })).toBe(
      'http://minio:9000/bucket/pre/files/md5/ab/c',
    );
    expect(await at({ endpointUrl: 'https://r2.example/s3', pathStyle: false })).toBe(
      'https://bucket.r2.example/s3/pre/files/md5/ab/c',
    );
  });

  it('is signed for its region with the session, and its body by its md5', async () => {
    const { headers } = await sent({
      credentials: { ...credentials, sessionToken: 'T' },
      region: 'eu-west-1',
    });
    expect(headers).toMatchObject({
      'x-amz-security-token': 'T',
      'content-md5': 'XUFAKrxLKna5cZ2REBfFkg==',
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKIA\/\d{8}\/eu-west-1\/s3\/aws4_request/,
      ) as string,
    });
  });

  it('is asked without a signature where it is anonymous', async () => {
    expect((await sent({ credentials: 'anonymous' })).headers).not.toHaveProperty('authorization');
  });

  it('takes its keys from the variables, or from a profile of a file', async () => {
    const credentialsFile = join(scratch, 'credentials');
    await writeFile(
      credentialsFile,
      '[default]\naws_access_key_id = FILE\naws_secret_access_key = s\n[team]\naws_access_key_id=TEAM\naws_secret_access_key=s\n',
    );
    const who = async (s3: S3Options) =>
      /Credential=(\w+)/.exec((await sent(s3)).headers['authorization'] ?? '')?.[1];
    const env = { AWS_ACCESS_KEY_ID: 'ENV\n', AWS_SECRET_ACCESS_KEY: 's\n' };
    expect(await who({ env, credentialsFile })).toBe('ENV');
    expect(await who({ credentialsFile })).toBe('FILE');
    expect(await who({ env: { AWS_SHARED_CREDENTIALS_FILE: credentialsFile, AWS_PROFILE: 'team' } })).toBe(
      'TEAM',
    );
    expect(await who({ env, credentialsFile, profile: 'team' })).toBe('TEAM');
    expect((await sent({ credentialsFile, profile: 'none' })).error).toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining('profile none') as string,
    });
  });

  it('says in which region the bucket is', async () => {
    const answer = new Response('', { status: 301, headers: { 'x-amz-bucket-region': 'eu-north-1' } });
    expect((await sent({ credentials }, 's3://bucket', answer)).error).toMatchObject({
      message: 's3://bucket answers PUT with status 301 (the bucket is in eu-north-1)',
    });
  });

  it('refuses an object that S3 takes only in parts', async () => {
    const remote = openRemote('s3://bucket', { s3: { credentials } });
    const writing = remote.write('a', { ...HELLO, bytes: 6 * 2 ** 30 });
    await expect(writing).rejects.toMatchObject({ code: 'REMOTE_UNSUPPORTED' });
  });

  it.each(['ftp://minio', 'no url', 'http://user:secret@minio'])(
    'refuses the endpoint %s',
    async (endpointUrl) => {
      const error: unknown = await sent({ credentials, endpointUrl }).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'REMOTE_UNSUPPORTED' });
      expect(inspect(error)).not.toContain('secret');
    },
  );
});

/** One request of a remote, as it would go out. */
async function sent(
  s3: S3Options,
  address = 's3://bucket/pre',
  answer = new Response('<Error><Code>PermanentRedirect</Code></Error>', { status: 404 }),
): Promise<{ readonly url: string; readonly headers: Record<string, string>; readonly error: unknown }> {
  let url = '';
  let headers: Record<string, string> = {};
  const looking: typeof fetch = (to, init) => {
    url = to instanceof Request ? to.url : to.toString();
    headers = Object.fromEntries(new Headers(init?.headers));
    return Promise.resolve(answer);
  };
  const remote = openRemote(address, { s3: { env: {}, ...s3 }, fetch: looking });
  const error = await remote.write('files/md5/ab/c', HELLO).catch((cause: unknown) => cause);
  return { url, headers, error };
}

async function at(s3: S3Options, address?: string): Promise<string> {
  return (await sent({ credentials, ...s3 }, address)).url;
}
