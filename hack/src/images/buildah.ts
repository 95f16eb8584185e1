/** buildah with a store of its own under the tool cache: no daemon, no registry, nothing left mounted. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from '../cache.ts';
import { run, type RunOptions, type RunResult } from '../run.ts';
import { systemPackages } from '../tools/system-packages.ts';

/**
 * One buildah command at a time over the store, in a mount namespace of its own: an overlay that a failed or killed
 * build leaves mounted goes with it. The run folder, which remembers mounts, is therefore new each time.
 */
const SCRIPT = `
exec 9> "$1/lock" && flock 9 || exit
rm -rf "$1/run" && mkdir "$1/run" || exit
store=$1
shift
exec unshare --mount --propagation private buildah \\
  --root "$store/root" --runroot "$store/run" --storage-driver overlay "$@"
`;

/** Runs `buildah args…`; trust comes from pinned sources, not from signatures, hence the open policy. */
export async function buildah(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  await requireRoot();
  await systemPackages('images');
  const store = join(cacheRoot(), 'buildah');
  await mkdir(join(store, 'tmp'), { recursive: true });
  await writeFile(policyPath(), '{"default": [{"type": "insecureAcceptAnything"}]}\n');
  // A short name is an error instead of a search on the internet.
  await writeFile(join(store, 'registries.conf'), 'unqualified-search-registries = []\n');
  const result = await run('sh', ['-c', SCRIPT, 'buildah', store, ...args], {
    ...options,
    allowFailure: true,
    env: {
      BUILDAH_ISOLATION: 'chroot', // works as root in a container, where new namespaces of a build would not
      CONTAINERS_REGISTRIES_CONF: join(store, 'registries.conf'),
      TMPDIR: join(store, 'tmp'), // layers of gigabytes do not fit every /tmp
      ...options.env,
    },
  });
  if (result.code !== 0 && options.allowFailure !== true) {
    const tail = (result.stdout + result.stderr).trimEnd().split('\n').slice(-15).join('\n');
    throw new Error(`buildah ${args[0]}: exit ${result.code}\n${tail}`);
  }
  return result;
}

/** The argument for commands that read images (`bud`, `pull`, `push`). */
export function policyPath(): string {
  return join(cacheRoot(), 'buildah', 'policy.json');
}

async function requireRoot(): Promise<void> {
  if (process.getuid?.() === 0) return;
  throw new Error(
    'images need a Docker engine that answers `docker info`, or root for buildah; neither is here',
  );
}
