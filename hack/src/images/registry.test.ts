import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { cacheRoot } from '../cache.ts';
import { run } from '../run.ts';
import { buildImage, type BuiltImage } from './build.ts';
import { pushImage, startRegistry, type Registry } from './registry.ts';

const password = 'a-word-that-nobody-may-print';
const tag = 'test';
const exported = join(cacheRoot(), `image-hilum-registry-test-${tag}`);

describe('an image and a registry', () => {
  let context: string;
  let image: BuiltImage;
  let registry: Registry;
  const lines: string[] = [];

  beforeAll(async () => {
    context = await mkdtemp(join(tmpdir(), 'hilum-context-'));
    await writeFile(join(context, 'fact.txt'), 'the fact');
    await writeFile(join(context, 'Dockerfile'), dockerfile);
    await rm(exported, { recursive: true, force: true });
    const request = { name: 'hilum/registry-test', tag, context, dockerfile: join(context, 'Dockerfile') };
    image = await buildImage({
      ...request,
      target: 'wanted',
      args: { WORD: 'given' },
      log: (line) => lines.push(line),
    });
    registry = await startRegistry({ username: 'someone', password });
  });

  afterEach(() => {
    vi.unstubAllEnvs();
  });

  afterAll(async () => {
    await registry?.stop();
    await rm(context, { recursive: true, force: true });
    await rm(exported, { recursive: true, force: true });
  });

  it('is built up to the target, telling the steps, and exported under its reference', async () => {
    expect(lines.join('\n')).toContain('COPY fact.txt');
    const { stdout } = await run('tar', ['-xOf', image.tar, 'manifest.json']);
    const [entry] = JSON.parse(stdout) as [{ Config: string; RepoTags: string[]; Layers: string[] }];
    expect(entry.RepoTags).toEqual([image.ref]);
    expect(entry.Layers).toHaveLength(1);
    const config = JSON.parse((await run('tar', ['-xOf', image.tar, entry.Config])).stdout) as {
      config: { Labels: Record<string, string>; User: string };
    };
    expect(config.config).toMatchObject({ Labels: { word: 'given' }, User: '65532:65532' });
  });

  it('is pushed with credentials, under the digest that the registry serves', async () => {
    vi.stubEnv('REGISTRY_USER', 'someone');
    vi.stubEnv('REGISTRY_PASSWORD', password);
    const digest = await pushImage(image.ref, `${registry.host}/team/registry-test:1`);
    const response = await fetch(`http://${registry.host}/v2/team/registry-test/manifests/1`, {
      headers: {
        authorization: `Basic ${Buffer.from(`someone:${password}`).toString('base64')}`,
        accept:
          'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json',
      },
    });
    const manifest = Buffer.from(await response.arrayBuffer());
    expect(`sha256:${createHash('sha256').update(manifest).digest('hex')}`).toBe(digest);
  });

  it('is refused with a wrong password, which the message does not repeat', async () => {
    vi.stubEnv('REGISTRY_USER', 'someone');
    vi.stubEnv('REGISTRY_PASSWORD', `${password}-wrong`);
    const failure = await pushImage(image.ref, `${registry.host}/team/registry-test:2`).catch(
      (error: unknown) => error,
    );
    expect(String(failure)).toMatch(/unauthorized/i);
    expect(String(failure)).not.toContain(password);
  });

  it('leaves nothing mounted when a build fails', async () => {
    const broken = join(context, 'Broken');
    await writeFile(broken, 'FROM scratch\nCOPY fact.txt /fact.txt\nRUN ["/no-such-command"]\n');
    await expect(buildImage({ name: 'hilum/broken', tag, context, dockerfile: broken })).rejects.toThrow(
      /no-such-command/,
    );
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(join(cacheRoot(), 'buildah'));
  });
});

describe('a registry', () => {
  it('without credentials is open, and is gone after stop', async () => {
    const registry = await startRegistry();
    expect((await fetch(`http://${registry.host}/v2/`)).status).toBe(200);
    await registry.stop();
    await expect(fetch(`http://${registry.host}/v2/`)).rejects.toThrow('fetch failed');
  });
});

const dockerfile = `
FROM scratch AS wanted
ARG WORD=default
LABEL word=\${WORD}
COPY fact.txt /fact.txt
USER 65532:65532

FROM wanted AS unwanted
COPY Dockerfile /Dockerfile
`;
