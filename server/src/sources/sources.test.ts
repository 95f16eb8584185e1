/** Packages from real stores: moto's S3, and the registry of Debian; broken on their way by a front of ours. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, readdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Registry, type S3Server, startRegistry, startS3 } from '@hilum/hack';
import type { PackageInfo } from '@hilum/model';
import { objectsOf, pushOci, s3Store } from '@hilum/store';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CuttingFront, startCuttingFront } from '../../test/cutting-front.ts';
import { scratch, writeRealPackage } from '../../test/fixtures.ts';
import { writeSmallPackage } from '../../test/small-package.ts';
import type { ModelState } from '../readiness.ts';
import { type AcquireOptions, acquire } from './acquire.ts';
import { reasonOf } from './reason.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let info: PackageInfo;
let s3: S3Server;
let registry: Registry;
let front: CuttingFront;
const account = { username: 'puller', password: 'a-word-that-nobody-may-print' };

beforeAll(async () => {
  dir = await scratch();
  const real = await writeRealPackage(join(dir.path, 'real'));
  info = await writeSmallPackage(join(dir.path, 'package'), real);
  await rm(real.dir, { recursive: true });
  [s3, registry] = await Promise.all([startS3(), startRegistry(account)]);
  await uploadTo(`s3://${s3.bucket}/models/lung`);
  await push(`oci://${registry.host}/team/lung:v3`);
});

afterAll(async () => {
  await Promise.all([s3?.stop(), registry?.stop()]);
  await dir[Symbol.asyncDispose]();
});

beforeEach(async () => {
  front = await startCuttingFront(s3.url);
  vi.stubEnv('AWS_ENDPOINT_URL', front.url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', s3.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', s3.secretAccessKey);
  vi.stubEnv('HILUM_OCI_USERNAME', account.username);
  vi.stubEnv('HILUM_OCI_PASSWORD', account.password);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await front.stop();
});

const files = (): string[] => [...info.files.map(({ path }) => path), 'manifest.json'];

async function uploadTo(address: string, { but = '' } = {}): Promise<void> {
  const { accessKeyId, secretAccessKey, url: endpointUrl } = s3;
  const objects = objectsOf(s3Store(address, { endpointUrl, credentials: { accessKeyId, secretAccessKey } }));
  for (const path of files().filter((one) => one !== but)) {
    const file = join(info.dir, path);
    const bytes = await readFile(file);
    const md5 = createHash('md5').update(bytes).digest('hex');
    await objects.write(path, { file, bytes: bytes.length, md5 });
  }
}

function push(address: string): Promise<string> {
  return pushOci(
    address,
    files().map((path) => ({ path, file: join(info.dir, path) })),
    {
      artifactType: 'application/vnd.hilum.model.v1',
      env: { HILUM_OCI_USERNAME: account.username, HILUM_OCI_PASSWORD: account.password },
    },
  );
}

let caches = 0;

interface Attempt {
  readonly cacheDir: string;
  readonly states: ModelState[];
  readonly get: (uri: string, more?: Partial<AcquireOptions>) => ReturnType<typeof acquire>;
}

/** One server's attempts, with a cache of its own. */
function aServer(cacheDir = join(dir.path, `cache-${(caches += 1)}`)): Attempt {
  const states: ModelState[] = [];
  const report = (state: ModelState): void => void states.push(state);
  const { signal } = new AbortController();
  return { cacheDir, states, get: (uri, more = {}) => acquire({ uri, cacheDir, report, signal, ...more }) };
}

const tag = (): string => `oci://${registry.host}/team/lung:v3`;
const fromS3 = (): string => `s3://${s3.bucket}/models/lung`;
const partialOf = (cacheDir: string): string => join(cacheDir, `.partial-${info.digest.slice(7)}`);
const bytesIn = async (path: string): Promise<number> => (await stat(path)).size;
const failure = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a package in a bucket', () => {
  it('is fetched by its manifest, verified, and kept by its digest', async () => {
    const { get, cacheDir, states } = aServer();
    const model = await get(fromS3());
    expect([model.name, model.version, model.info.digest]).toEqual(['lung', null, info.digest]);
    expect(await readdir(cacheDir)).toEqual([info.digest.slice(7), `${info.digest.slice(7)}.origin.json`]);
    const shares = states.flatMap(({ progress }) => progress ?? []);
    expect(shares.at(0)?.bytes).toBe(0);
    expect(shares.at(-1)?.bytes).toBe(shares.at(-1)?.totalBytes);
    const before = front.seen.length;
    await get(fromS3());
    expect(front.seen.slice(before).map(({ path }) => path)).toEqual([
      `/${s3.bucket}/models/lung/manifest.json`,
    ]);
  });

  it('that a digest pins is served from the cache while the bucket is away', async () => {
    const { get } = aServer();
    await get(fromS3(), { digest: info.digest });
    await front.stop();
    expect((await get(fromS3(), { digest: info.digest })).name).toBe('lung');
    front = await startCuttingFront(s3.url);
  });

  it('arrives over connections that break all the time, each file from where it stood', async () => {
    front.cutAfter = 400_000;
    const { get } = aServer();
    expect((await get(fromS3())).info.digest).toBe(info.digest);
    const asked = front.seen.filter(({ path }) => path.endsWith('/weights.bin')).map(({ range }) => range);
    const starts = asked.map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')?.[1]));
    expect(starts.length).toBeGreaterThan(5);
    expect(starts).toEqual([...new Set(starts)].toSorted((a, b) => a - b)); // further each time
    // What was on its way when a connection broke comes twice, and nothing else.
    expect(front.bytes).toBeLessThan(1.5 * info.files.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it('goes on in another process where the first was killed, and says so', async () => {
    const first = aServer();
    const stop = new AbortController();
    const report = ({ progress }: ModelState): void => {
      if ((progress?.bytes ?? 0) > 2_000_000) stop.abort(new Error('killed'));
    };
    await expect(first.get(fromS3(), { report, signal: stop.signal })).rejects.toThrow('killed');
    const parts = await Promise.all(
      ['tfjs/weights.bin', 'model.onnx'].map(async (path) =>
        bytesIn(join(partialOf(first.cacheDir), path)).catch(() => 0),
      ),
    );
    const had = parts.reduce((sum, bytes) => sum + bytes, 0);
    expect(had).toBeGreaterThan(1_000_000);
    const before = front.seen.length;
    const states: ModelState[] = [];
    const { info: got } = await acquire({
      uri: fromS3(),
      cacheDir: first.cacheDir,
      report: (state) => states.push(state),
      signal: new AbortController().signal,
    });
    expect(got.digest).toBe(info.digest);
    expect(states.find(({ progress }) => progress !== undefined)).toMatchObject({
      message: 'going on with the download of lung',
      progress: { bytes: expect.toSatisfy((bytes: number) => bytes >= had) as number },
    });
    const large = front.seen.slice(before).filter(({ path }) => /weights\.bin$|model\.onnx$/.test(path));
    const begun = parts.filter((bytes) => bytes > 0).map((bytes) => `bytes=${bytes}-`);
    expect(large.flatMap(({ range }) => range ?? []).toSorted()).toEqual(begun.toSorted());
  });

  it('goes on after a SIGKILL of the server', async () => {
    front.cutAfter = 900_000;
    front.isSilent = true;
    const cacheDir = join(dir.path, 'killed');
    const main = join(import.meta.dirname, '../main.ts');
    const env = { ...process.env, HILUM_MODEL_URI: fromS3(), HILUM_MODEL_CACHE: cacheDir, HILUM_PORT: '0' };
    const child = spawn(process.execPath, [main], { env, stdio: 'ignore' });
    const ended = once(child, 'exit');
    const parts = ['tfjs/weights.bin', 'model.onnx'].map((path) => join(partialOf(cacheDir), path));
    const sizes = (): Promise<number[]> =>
      Promise.all(parts.map(async (path) => bytesIn(path).catch(() => 0)));
    await vi.waitFor(async () => expect(await sizes()).toEqual([900_000, 900_000]), { timeout: 15_000 });
    child.kill('SIGKILL');
    await ended;
    front.cutAfter = Infinity;
    const before = front.seen.length;
    const { info: got } = await aServer(cacheDir).get(fromS3());
    expect(got.digest).toBe(info.digest);
    const ranges = front.seen.slice(before).flatMap(({ range }) => range ?? []);
    expect(ranges).toEqual(['bytes=900000-', 'bytes=900000-']);
  });

  it('of which a half file has rotted is fetched anew, that file alone', async () => {
    const { get, cacheDir } = aServer();
    front.cutAfter = 1_000_000;
    const stop = new AbortController();
    const report = ({ progress }: ModelState): void => {
      if ((progress?.bytes ?? 0) > 1_500_000) stop.abort(new Error('killed'));
    };
    await failure(get(fromS3(), { report, signal: stop.signal }));
    const part = join(partialOf(cacheDir), 'model.onnx');
    await writeFile(part, Buffer.alloc(500_000, 7));
    front.cutAfter = Infinity;
    expect((await get(fromS3())).info.digest).toBe(info.digest);
    const asked = front.seen.filter(({ path }) => path.endsWith('/model.onnx')).map(({ range }) => range);
    expect(asked.slice(-2)).toEqual(['bytes=500000-', undefined]);
  });

  it('spoilt on its way is fetched once more, and spoilt again it is refused and nothing stays', async () => {
    const { get, cacheDir } = aServer();
    front.spoil = 1;
    expect((await get(fromS3())).info.digest).toBe(info.digest);
    await rm(cacheDir, { recursive: true });
    front.spoil = 100;
    expect(await failure(get(fromS3()))).toMatchObject({ code: 'DIGEST_MISMATCH', exitCode: 65 });
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it('in a store that knows no ranges is begun again', async () => {
    const { get, cacheDir } = aServer();
    await get(fromS3());
    const whole = join(cacheDir, info.digest.slice(7));
    // What a killed process leaves, made of what is there.
    await rm(join(whole, 'manifest.json'));
    await truncate(join(whole, 'model.onnx'), 1_000);
    await rename(whole, partialOf(cacheDir));
    front.withoutRanges = true;
    expect((await get(fromS3())).info.digest).toBe(info.digest);
  });

  it.each([
    ['another package than was asked for', 'lung', { digest: `sha256:${'0'.repeat(64)}` }, 'DIGEST_MISMATCH'],
    ['without one of its files', 'torn', {}, 'PACKAGE_INCOMPLETE'],
  ])('is refused: %s', async (_, name, more, code) => {
    await uploadTo(`s3://${s3.bucket}/models/torn`, { but: 'labels.json' });
    expect(await failure(aServer().get(`s3://${s3.bucket}/models/${name}`, more))).toMatchObject({ code });
  });

  it.each([
    ['that is not there', 'MODEL_NOT_FOUND', 'models/none', {}],
    ['with a wrong secret', 'SOURCE_REFUSED', 'models/lung', { AWS_SECRET_ACCESS_KEY: 'wrong-secret' }],
    [
      'without credentials',
      'SOURCE_REFUSED',
      'models/lung',
      { AWS_ACCESS_KEY_ID: '', AWS_SHARED_CREDENTIALS_FILE: '/none' },
    ],
    ['where nobody listens', 'SOURCE_UNREACHABLE', 'models/lung', { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }],
  ])('%s is a reason to wait: %s', async (_, reason, path, env) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const error = await failure(aServer().get(`s3://${s3.bucket}/${path}`));
    expect(reasonOf(error)).toBe(reason);
    expect(String(error)).not.toContain('wrong-secret');
  });
});

describe('a package in a registry', () => {
  it('is fetched by its tag, with credentials, and has the tag for a version', async () => {
    const model = await aServer().get(tag());
    expect([model.name, model.version, model.info.digest]).toEqual(['lung', 'v3', info.digest]);
  });

  it('is fetched by the digest of its manifest, with or without a tag', async () => {
    const digest = await push(tag());
    const host = tag().replace(':v3', '');
    expect((await aServer().get(`${host}@${digest}`)).version).toBeNull();
    expect((await aServer().get(`${tag()}@${digest}`)).version).toBe('v3');
    const other = `sha256:${'0'.repeat(64)}`;
    expect(reasonOf(await failure(aServer().get(`${host}@${other}`)))).toBe('MODEL_NOT_FOUND');
  });

  it('arrives over connections that break all the time', async () => {
    const broken = await startCuttingFront(`http://${registry.host}`);
    broken.cutAfter = 700_000;
    const { get } = aServer();
    const model = await get(tag().replace(registry.host, new URL(broken.url).host));
    expect(model.info.digest).toBe(info.digest);
    expect(broken.seen.filter(({ range }) => range !== undefined).length).toBeGreaterThan(4);
    await broken.stop();
  });

  it.each([
    ['a wrong password', { HILUM_OCI_PASSWORD: 'wrong-secret' }, 'SOURCE_REFUSED'],
    ['no password', { HILUM_OCI_PASSWORD: '', DOCKER_CONFIG: '' }, 'SOURCE_REFUSED'],
    [
      'a file of passwords that is not there',
      { HILUM_OCI_PASSWORD: '', DOCKER_CONFIG: '/none' },
      'SOURCE_REFUSED',
    ],
  ])('is refused to %s', async (_, env, reason) => {
    vi.stubEnv('HOME', dir.path);
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const error = await failure(aServer().get(tag()));
    expect(reasonOf(error)).toBe(reason);
    expect(String(error)).not.toContain('wrong-secret');
  });

  it('opens to what docker login left, or a Secret of that kind', async () => {
    const config = join(dir.path, 'docker');
    await rm(config, { recursive: true, force: true });
    await mkdir(config);
    const auth = Buffer.from(`${account.username}:${account.password}`).toString('base64');
    await writeFile(join(config, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    vi.stubEnv('HILUM_OCI_PASSWORD', '');
    vi.stubEnv('DOCKER_CONFIG', config);
    expect((await aServer().get(tag())).info.digest).toBe(info.digest);
  });

  it('that is another tag or no package says so', async () => {
    expect(reasonOf(await failure(aServer().get(`${tag()}1`)))).toBe('MODEL_NOT_FOUND');
    await pushOci(
      `oci://${registry.host}/team/other:1`,
      [{ path: 'note', file: join(info.dir, 'labels.json') }],
      {
        artifactType: 'application/vnd.hilum.model.v1',
      },
    );
    expect(reasonOf(await failure(aServer().get(`oci://${registry.host}/team/other:1`)))).toBe(
      'MODEL_NOT_FOUND',
    );
  });
});
