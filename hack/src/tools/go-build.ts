/** Builds binaries from the one Go module of this repository, `hack/cluster`. */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ensureTool } from '../cache.ts';
import { run } from '../run.ts';

const MODULE = join(import.meta.dirname, '../../cluster');
const BUILD_TIMEOUT_MS = 45 * 60_000;

export interface GoTool {
  readonly name: string;
  readonly version: string;
  readonly cost: string;
  /** Binary → package, as in `go build -o binary package`. */
  readonly binaries: Readonly<Record<string, string>>;
  readonly ldflags?: string;
  /** Runs in the new folder after the build. */
  readonly finish?: (dir: string) => Promise<void>;
}

/**
 * The folder with a tool's binaries, built first where they are not cached yet.
 *
 * The version carries a digest of the module's pins and of the tool's own sources, so that an edit rebuilds.
 */
export async function goTool(tool: GoTool): Promise<string> {
  const digest = await digestOf(tool);
  return ensureTool({
    name: tool.name,
    version: `${tool.version}-${digest}`,
    cost: tool.cost,
    make: async (dir) => {
      const env = { CGO_ENABLED: '0' };
      const go = (args: readonly string[]) =>
        run('go', args, { cwd: MODULE, env, timeoutMs: BUILD_TIMEOUT_MS });
      await requireGo();
      for (const [binary, source] of Object.entries(tool.binaries)) {
        const ldflags = `-s -w ${tool.ldflags ?? ''}`.trim();
        await go([
          'build',
          '-trimpath',
          '-mod=readonly',
          '-ldflags',
          ldflags,
          '-o',
          join(dir, binary),
          source,
        ]);
      }
      await tool.finish?.(dir);
    },
  });
}

/** go.mod and go.sum pin every dependency; of our own sources only those of the tool count. */
async function digestOf(tool: GoTool): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([tool.version, tool.binaries, tool.ldflags ?? '']));
  for (const file of ['go.mod', 'go.sum', ...(await sourcesOf(tool))]) {
    hash.update(`\0${file}\0`).update(await readFile(join(MODULE, file)));
  }
  return hash.digest('hex').slice(0, 10);
}

async function sourcesOf(tool: GoTool): Promise<string[]> {
  const files: string[] = [];
  for (const source of Object.values(tool.binaries)) {
    if (!source.startsWith('./')) continue;
    for (const entry of await readdir(join(MODULE, source), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) files.push(relative(MODULE, join(entry.parentPath, entry.name)));
    }
  }
  return files.toSorted();
}

async function requireGo(): Promise<void> {
  const { code } = await run('go', ['version'], { allowFailure: true }).catch(() => ({ code: 127 }));
  if (code !== 0) {
    throw new Error(
      'Go is needed once, to build the cluster (Debian: apt-get install golang, then Go fetches its own newer toolchain; or https://go.dev/dl)',
    );
  }
}
