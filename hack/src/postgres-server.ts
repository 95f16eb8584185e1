/** A real PostgreSQL on this machine, for one test file: one database, one user, no password, loopback only. */
import { chmod, chown, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { run } from './run.ts';
import { supervise } from './supervise.ts';
import { systemPackages } from './tools/system-packages.ts';

export interface PostgresServer {
  /** `postgresql://…` as SQLAlchemy reads it. */
  readonly uri: string;
  /** Kills the server and removes its folder, which also happens when this process dies. */
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const START_DEADLINE_MS = 60_000;
// PostgreSQL refuses to run as root.
const NOBODY = 65_534;

/** Starts PostgreSQL and returns when it answers. */
export async function startPostgres(): Promise<PostgresServer> {
  await systemPackages('postgres');
  const bin = await binaries();
  const dir = await mkdtemp(join(tmpdir(), 'hilum-postgres-'));
  const isRoot = process.getuid?.() === 0;
  const asUser = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];
  if (isRoot) {
    await chown(dir, NOBODY, NOBODY);
    await chmod(dir, 0o700);
  }
  const data = join(dir, 'data');
  const init = [join(bin, 'initdb'), '-D', data, '-U', 'hilum', '--auth=trust', '--no-sync'];
  const [command, ...args] = [...asUser, ...init, '--encoding=UTF8', '--locale=C'];
  await run(command, args, { cwd: dir });
  const port = await freePort('PostgreSQL', HOST);
  const settings = ['fsync=off', `unix_socket_directories=${dir}`].flatMap((setting) => ['-c', setting]);
  const server = [join(bin, 'postgres'), '-D', data, '-h', HOST, '-p', String(port), ...settings];
  const child = await supervise({ command: [...asUser, ...server] as [string], dir, temporary: true });
  const stop = async (): Promise<void> => {
    await child.kill();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  const ready = ['-h', HOST, '-p', String(port), '-U', 'hilum', '-d', 'postgres'];
  for (const deadline = Date.now() + START_DEADLINE_MS; ; await sleep(100)) {
    const { code } = await run(join(bin, 'pg_isready'), ready, { allowFailure: true });
    if (code === 0) return { uri: `postgresql://hilum@${HOST}:${port}/postgres`, stop };
    if (!child.exited() && Date.now() < deadline) continue;
    const log = await readFile(join(dir, 'server.log'), 'utf8').catch(() => '');
    await stop();
    throw new Error(`PostgreSQL did not start\n${log.slice(-2000)}`);
  }
}

/** Debian keeps the servers of all versions out of the PATH. */
async function binaries(): Promise<string> {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  const newest = versions.map(Number).toSorted((a, b) => b - a)[0];
  return newest === undefined ? '' : join(root, String(newest), 'bin');
}
