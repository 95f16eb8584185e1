/** buildah with a store of its own under the tool cache: no daemon, no registry, nothing left mounted. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheRoot } from '../cache.ts';
import { run, type RunOptions, type RunResult } from '../run.ts';
import { systemPackages } from '../tools/system-packages.ts';

/**
 * Runs `buildah args…`. Several may run at once.
 *
 * In a mount namespace of its own: an overlay that a failed or killed build leaves mounted goes with it. The run
 * folder, which remembers mounts, is therefore new each time.
 */
export async function buildah(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  if (process.getuid?.() !== 0) {
    throw new Error(
      'images need a Docker engine that answers `docker info`, or root for buildah; neither is here',
    );
  }
  await systemPackages('images');
  const store = join(cacheRoot(), 'buildah');
  await mkdir(join(store, 'tmp'), { recursive: true });
  const mounts = await mkdtemp(join(tmpdir(), 'hilum-buildah-'));
  const folders = ['--root', join(store, 'root'), '--runroot', mounts, '--storage-driver', 'overlay'];
  try {
    const command = ['--mount', '--propagation', 'private', 'buildah', ...folders, ...args];
    const result = await run('unshare', command, {
      ...options,
      allowFailure: true,
      env: {
        BUILDAH_ISOLATION: 'chroot', // works as root in a container, where new namespaces of a build would not
        // A short name is an error instead of a search on the internet.
        CONTAINERS_REGISTRIES_CONF: join(import.meta.dirname, 'registries.conf'),
        TMPDIR: join(store, 'tmp'), // layers of gigabytes do not fit every /tmp
        ...options.env,
      },
    });
    if (result.code !== 0 && options.allowFailure !== true) {
      const tail = (result.stdout + result.stderr).trimEnd().split('\n').slice(-15).join('\n');
      throw new Error(`buildah ${args[0]}: exit ${result.code}\n${tail}`);
    }
    return result;
  } finally {
    await rm(mounts, { recursive: true, force: true });
  }
}

/** The argument for commands that read images; trust comes from pinned sources, not from signatures: all may pass. */
export const policyPath = join(import.meta.dirname, 'policy.json');
