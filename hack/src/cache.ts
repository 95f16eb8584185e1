/**
 * Built and downloaded tools, each once a machine, under `${XDG_CACHE_HOME:-~/.cache}/hilum/<tool>-<version>`.
 *
 * A tool is made in a scratch folder beside its place and moved there whole, so that a folder in the cache is
 * complete by construction: a kill in the middle leaves only scratch, which the next run removes.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What one tool is and how it is made. */
export interface ToolRecipe {
  readonly name: string;
  readonly version: string;
  /** Said before the work starts, for the person who waits: "207 MB download", "6 min build". */
  readonly cost: string;
  /** Fills `dir`; throws with what is missing and what to do. */
  readonly make: (dir: string, say: (line: string) => void) => Promise<void>;
}

/** The folder of all cached tools of this user. */
export function cacheRoot(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'hilum');
}

/** Progress of set-up goes to standard error: standard output belongs to the command's own answer. */
export function say(line: string): void {
  // A progress line that is being redrawn gives way.
  process.stderr.write(`${process.stderr.isTTY ? '\r\u001B[2K' : ''}${line}\n`);
}

const LOCK_STALE_MS = 30 * 60_000;

/**
 * The folder of a tool, made first where it is not there yet.
 *
 * Two processes that ask at once make it once: the second waits for the first's lock, at most 30 minutes.
 *
 * @returns absolute path of the complete folder
 */
export async function ensureTool(recipe: ToolRecipe): Promise<string> {
  const place = join(cacheRoot(), `${recipe.name}-${recipe.version}`);
  if (existsSync(place)) return place;
  await mkdir(cacheRoot(), { recursive: true });
  const unlock = await lock(`${place}.lock`);
  try {
    if (existsSync(place)) return place;
    await removeScratch(`${recipe.name}-${recipe.version}.making-`);
    const scratch = `${place}.making-${process.pid}`;
    await mkdir(scratch);
    const started = Date.now();
    say(`hilum: ${recipe.name} ${recipe.version}: ${recipe.cost} → ${place}`);
    try {
      await recipe.make(scratch, (line) => say(`hilum: ${recipe.name}: ${line}`));
      await rename(scratch, place);
    } catch (cause) {
      await rm(scratch, { recursive: true, force: true });
      throw new Error(`${recipe.name} ${recipe.version} could not be made: ${messageOf(cause)}`, { cause });
    }
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    say(`hilum: ${recipe.name} ${recipe.version}: ready in ${seconds} s, ${await sizeOf(place)}`);
    return place;
  } finally {
    await unlock();
  }
}

/** @returns lower-case hex sha256 of a file's bytes */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Throws unless the file has the digest that this project pinned. */
export async function verifySha256(path: string, want: string): Promise<void> {
  const got = await sha256File(path);
  if (got !== want) {
    throw new Error(`${path}: sha256 is ${got}, pinned is ${want}; the source changed or the download broke`);
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  const deadline = Date.now() + LOCK_STALE_MS;
  let told = false;
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await isStale(path)) {
      await rm(path, { force: true });
      continue;
    }
    if (Date.now() > deadline) throw new Error(`waited 30 minutes for ${path}; remove it if no set-up runs`);
    if (!told) say(`hilum: waiting for another set-up that holds ${path}`);
    told = true;
    await sleep(250);
  }
}

/** A lock whose process is gone, which a kill leaves behind. */
async function isStale(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  const pid = Number(text);
  if (!Number.isInteger(pid) || pid <= 0) {
    const info = await stat(path).catch(() => undefined);
    return info !== undefined && Date.now() - info.mtimeMs > 5_000;
  }
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

async function removeScratch(prefix: string): Promise<void> {
  for (const entry of await readdir(cacheRoot())) {
    if (entry.startsWith(prefix)) await rm(join(cacheRoot(), entry), { recursive: true, force: true });
  }
}

async function sizeOf(dir: string): Promise<string> {
  let bytes = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
