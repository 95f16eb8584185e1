/** A server of the tests as a child that cannot outlive us. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

export interface Supervised {
  readonly exited: () => boolean;
  /** Sends a signal to the server and all of its processes. */
  readonly signal: (name: 'SIGSTOP' | 'SIGCONT') => void;
  /** Ends them all, and returns when the server is gone. */
  readonly kill: () => Promise<void>;
}

interface Launch {
  readonly command: readonly [string, ...string[]];
  /** Working folder; gets `server.log`. */
  readonly dir: string;
  /** The folder goes with us. */
  readonly temporary: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

// The shell leads a process group. Its background half waits for our end of the pipe to close, which the kernel does
// even when we are killed, and then removes the temporary folder, if any, and kills the group: the server, its workers,
// and the shell. (A background command gets /dev/null as its input, hence the copy of the pipe in descriptor 3.) A server
// that ends by itself ends that half first, so that its log can be read.
const SUPERVISE = [
  'exec 3<&0 </dev/null',
  '(cat <&3 >/dev/null; [ -z "$0" ] || rm -rf "$0"; kill -KILL 0) & watch=$!',
  '"$@" 3<&-; code=$?; kill -KILL $watch; exit $code',
].join('\n');

/** Starts the command; whether it serves already is for the caller to find out. */
export async function supervise({ command, dir, temporary, env }: Launch): Promise<Supervised> {
  const log = await open(join(dir, 'server.log'), 'w');
  const child = spawn('sh', ['-c', SUPERVISE, temporary ? dir : '', ...command], {
    cwd: dir,
    detached: true,
    stdio: ['pipe', log.fd, log.fd],
    env: { ...process.env, ...env },
  });
  const gone = once(child, 'exit');
  await once(child, 'spawn');
  await log.close();
  const toGroup = (name: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid ?? Number.NaN), name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const kill = async (): Promise<void> => {
    toGroup('SIGKILL');
    await gone;
  };
  return { exited: () => child.exitCode !== null || child.signalCode !== null, signal: toGroup, kill };
}
