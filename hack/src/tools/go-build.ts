/** Builds binaries from the one Go module of this repository, `hack/cluster`. */
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
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
  readonly patches?: readonly GoPatch[];
  /** Runs in the new folder after the build. */
  readonly finish?: (dir: string) => Promise<void>;
}

/** A module of which a copy is built: the files of `hack/cluster/patches/<folder>` are laid over it. */
interface GoPatch {
  readonly module: string;
  readonly folder: string;
  /** Replaced in one file, everywhere. */
  readonly edit?: { readonly file: string; readonly find: string; readonly put: string };
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
      await requireGo();
      const scratch = join(dir, '.scratch');
      const flags = await patched(tool.patches ?? [], scratch);
      const ldflags = `-s -w ${tool.ldflags ?? ''}`.trim();
      for (const [binary, source] of Object.entries(tool.binaries)) {
        await go(['build', '-trimpath', ...flags, '-ldflags', ldflags, '-o', join(dir, binary), source]);
      }
      await rm(scratch, { recursive: true, force: true });
      await tool.finish?.(dir);
    },
  });
}

function go(args: readonly string[]): ReturnType<typeof run> {
  return run('go', args, { cwd: MODULE, env: { CGO_ENABLED: '0' }, timeoutMs: BUILD_TIMEOUT_MS });
}

/** go.mod and go.sum pin every dependency; of our own sources only those of the tool count. */
async function digestOf(tool: GoTool): Promise<string> {
  const recipe = JSON.stringify([tool.binaries, tool.ldflags ?? '', tool.patches ?? []]);
  const hash = createHash('sha256').update(recipe);
  const folders = [
    ...Object.values(tool.binaries).filter((source) => source.startsWith('./')),
    ...(tool.patches ?? []).map((patch) => join('patches', patch.folder)),
  ];
  for (const file of ['go.mod', 'go.sum', ...(await filesIn(folders))]) {
    hash.update(`\0${file}\0`).update(await readFile(join(MODULE, file)));
  }
  return hash.digest('hex').slice(0, 10);
}

async function filesIn(folders: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const folder of folders) {
    for (const entry of await readdir(join(MODULE, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) files.push(relative(MODULE, join(entry.parentPath, entry.name)));
    }
  }
  return files.toSorted();
}

/** Copies of the modules to patch and a go.mod that points at them; Go verifies the originals by go.sum. */
async function patched(patches: readonly GoPatch[], scratch: string): Promise<string[]> {
  if (patches.length === 0) return ['-mod=readonly'];
  await mkdir(scratch);
  let pins = await readFile(join(MODULE, 'go.mod'), 'utf8');
  for (const { module, folder, edit } of patches) {
    const { stdout } = await go(['mod', 'download', '-json', `${module}@${pinned(pins, module)}`]);
    const copy = join(scratch, folder);
    await cp((JSON.parse(stdout) as { Dir: string }).Dir, copy, { recursive: true });
    await run('chmod', ['-R', 'u+w', copy]); // Go's module cache is read-only
    await cp(join(MODULE, 'patches', folder), copy, { recursive: true });
    if (edit !== undefined) {
      const file = join(copy, edit.file);
      const text = await readFile(file, 'utf8');
      if (!text.includes(edit.find))
        throw new Error(`${module}: ${edit.file} holds no ${edit.find} any more`);
      await writeFile(file, text.replaceAll(edit.find, edit.put));
    }
    pins += `\nreplace ${module} => ${copy}\n`;
  }
  await writeFile(join(scratch, 'go.mod'), pins);
  await cp(join(MODULE, 'go.sum'), join(scratch, 'go.sum'));
  return [`-modfile=${join(scratch, 'go.mod')}`];
}

function pinned(pins: string, module: string): string {
  const version = new RegExp(`^\\s*(?:require )?${module.replaceAll('.', '\\.')} (v\\S+)`, 'm').exec(
    pins,
  )?.[1];
  if (version === undefined) throw new Error(`go.mod pins no ${module}`);
  return version;
}

async function requireGo(): Promise<void> {
  const { code } = await run('go', ['version'], { allowFailure: true }).catch(() => ({ code: 127 }));
  if (code === 0) return;
  throw new Error(
    'Go 1.21 or newer is needed once, to build the cluster (go.dev; an older than go.mod names fetches the right one itself)',
  );
}
