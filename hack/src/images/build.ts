/** Builds the images of a Dockerfile: with Docker where an engine answers, else with buildah. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, ensureTool } from '../cache.ts';
import { run } from '../run.ts';
import { buildah, policyPath } from './buildah.ts';
import { dockerAnswers } from './docker.ts';

export interface ImageRequest {
  /** Path of the image, `hilum/operator`. */
  readonly name: string;
  /** A digest of everything that goes in: an image of that tag is not built again. */
  readonly tag: string;
  readonly dockerfile: string;
  readonly target?: string;
  /** The folder that COPY reads. */
  readonly context: string;
  readonly args?: Readonly<Record<string, string>>;
  readonly log?: (line: string) => void;
}

export interface BuiltImage {
  readonly name: string;
  readonly tag: string;
  /** `localhost/<name>:<tag>`: a name that no node tries to pull from elsewhere. */
  readonly ref: string;
  /** Path of a docker-archive, for `Cluster.load` and `kind load image-archive`. */
  readonly tar: string;
}

/** Builds and exports an image unless that was done before. */
export async function buildImage(request: ImageRequest): Promise<BuiltImage> {
  const { name, tag } = request;
  const ref = `localhost/${name}:${tag}`;
  const tool = toolName(name);
  await ensureTool({
    name: tool,
    version: tag,
    cost: 'an image build',
    make: async (scratch) => {
      const tar = join(scratch, 'image.tar');
      await ((await dockerAnswers()) ? withDocker(request, ref, tar) : withBuildah(request, ref, tar));
      await dropOlder(tool, name);
    },
  });
  return { name, tag, ref, tar: archiveOf(ref) };
}

/** Where `buildImage` exports an image to. */
export function archiveOf(ref: string): string {
  const [name, tag] = ref.replace(/^localhost\//, '').split(':') as [string, string];
  return join(cacheRoot(), `${toolName(name)}-${tag}`, 'image.tar');
}

function toolName(name: string): string {
  return `image-${name.replaceAll('/', '-')}`;
}

const BUILD_TIMEOUT_MS = 30 * 60_000;

async function withDocker(request: ImageRequest, ref: string, tar: string): Promise<void> {
  await run('docker', ['build', ...common(request, ref), request.context], {
    timeoutMs: BUILD_TIMEOUT_MS,
    ...(request.log === undefined ? {} : { onLine: request.log }),
  });
  await run('docker', ['save', '--output', tar, ref]);
}

async function withBuildah(request: ImageRequest, ref: string, tar: string): Promise<void> {
  const options = [
    '--pull-never',
    '--layers',
    '--format=docker',
    `--signature-policy=${policyPath}`,
    // RUN sees the network and the certificate authorities of this machine, which may sit behind a proxy with its own.
    '--network=host',
    '--volume=/etc/ssl/certs:/etc/ssl/certs:ro',
  ];
  await buildah(['bud', ...options, ...common(request, ref), request.context], {
    timeoutMs: BUILD_TIMEOUT_MS,
    ...(request.log === undefined ? {} : { onLine: request.log }),
  });
  await buildah(['push', '--signature-policy', policyPath, ref, `docker-archive:${tar}:${ref}`]);
}

function common(request: ImageRequest, ref: string): string[] {
  return [
    `--file=${request.dockerfile}`,
    `--tag=${ref}`,
    ...(request.target === undefined ? [] : ['--target', request.target]),
    ...Object.entries(request.args ?? {}).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
  ];
}

const KEPT = 2;

/** Archives are large; of one image the newest few stay, so that going back and forth between two states is quick. */
async function dropOlder(tool: string, name: string): Promise<void> {
  const exact = new RegExp(`^${tool}-[0-9a-z.]+$`);
  const folders = (await readdir(cacheRoot())).filter((entry) => exact.test(entry));
  const aged = await Promise.all(
    folders.map(async (folder) => ({ folder, at: (await stat(join(cacheRoot(), folder))).mtimeMs })),
  );
  for (const { folder } of aged.toSorted((a, b) => b.at - a.at).slice(KEPT - 1)) {
    await rm(join(cacheRoot(), folder), { recursive: true, force: true });
    const ref = `localhost/${name}:${folder.slice(tool.length + 1)}`;
    const command = ['rmi', ref] as const;
    await ((await dockerAnswers())
      ? run('docker', command, { allowFailure: true })
      : buildah(command, { allowFailure: true }));
  }
}
