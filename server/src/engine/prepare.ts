/**
 * An ONNX file, optimised once for this machine and laid down so that sessions map its weights instead of copying them:
 * a second lane then costs its maps alone. docs/engines.md has the figures.
 */
import { execFile } from 'node:child_process';
import { appendFile, constants, copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What the process that writes it is started with. */
export interface PrepareData {
  readonly source: string;
  readonly target: string;
  /** File name beside `target`. */
  readonly weights: string;
}

export interface Prepared {
  readonly file: string;
  /** Safe while sessions use it: what is mapped stays. But none can be opened afterwards. */
  readonly remove: () => Promise<void>;
}

/**
 * @param extra written behind the file's bytes: more outputs
 * @param place a folder on disk with room for the weights
 * @throws the system's errors, where nothing can be written; Error with what the process said last
 */
export async function prepare(
  file: string,
  extra: Uint8Array,
  place: string,
  signal: AbortSignal,
): Promise<Prepared> {
  await removeStale(place);
  const dir = await mkdtemp(join(place, `${PREFIX}${process.pid}-`));
  own.add(dir);
  const remove = async (): Promise<void> => {
    own.delete(dir);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const source = join(dir, 'source.onnx');
    await copyFile(file, source, constants.COPYFILE_FICLONE);
    await appendFile(source, extra);
    const target = join(dir, 'prepared.onnx');
    await write({ source, target, weights: 'weights.bin' }, signal);
    await rm(source);
    return { file: target, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** In a process that ends: its memory, three times the weights, goes back with it, all of it. */
async function write(data: PrepareData, signal: AbortSignal): Promise<void> {
  const file = fileURLToPath(new URL('./prepare-process.ts', import.meta.url));
  await execute(process.execPath, [file, JSON.stringify(data)], { signal, timeout: PREPARE_MS });
}

const execute = promisify(execFile);
const PREPARE_MS = 60_000;

const PREFIX = 'hilum-engine-';
/** Of this process: two engines of one do not clean up after each other. */
const own = new Set<string>();

/** What processes left behind that were killed. In a container every process has the number of its predecessor. */
async function removeStale(place: string): Promise<void> {
  for (const name of await readdir(place)) {
    const pid = new RegExp(`^${PREFIX}([0-9]+)-`).exec(name)?.[1];
    const dir = join(place, name);
    if (pid === undefined || own.has(dir) || (Number(pid) !== process.pid && isAlive(Number(pid)))) continue;
    await rm(dir, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
