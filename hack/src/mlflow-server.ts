/** A real MLflow tracking server on this machine: SQLite, local artifacts through its proxy, no job runner. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mlflowVenv } from './tools/python.ts';

export interface MlflowServerOptions {
  /** Keeps database and artifacts here after `stop()`; default: a temporary folder that `stop()` removes. */
  readonly dir?: string;
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Default: a free port. */
  readonly port?: number;
  /** `Host` headers that the server takes, for example `['mlflow', 'mlflow:*']`; default: localhost and private addresses. */
  readonly allowedHosts?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface MlflowServer {
  readonly url: string;
  /** Interpreter with mlflow, onnx, onnxruntime and numpy, for checks by plain Python. */
  readonly python: string;
  /** Kills the server and all of its processes, which also happens when this process dies. */
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 120_000;

/** Starts MLflow and returns when it answers. */
export async function startMlflow(options: MlflowServerOptions = {}): Promise<MlflowServer> {
  const { python } = await mlflowVenv();
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'hilum-mlflow-')));
  await mkdir(join(dir, 'artifacts'), { recursive: true });
  const host = options.host ?? '127.0.0.1';
  const temporary = options.dir === undefined;
  const removeDir = async (): Promise<void> => {
    if (temporary) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  // A port that was free may be taken by another process before the server binds it: try again with another.
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(host, options.port);
    const child = await launch(python, { dir, temporary }, host, port, options.allowedHosts ?? []);
    const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;
    try {
      await healthy(url, child, options.signal);
      const stop = async (): Promise<void> => {
        await child.kill();
        await removeDir();
      };
      return { url, python, stop };
    } catch (cause) {
      await child.kill();
      const log = await readFile(join(dir, 'server.log'), 'utf8').catch(() => '');
      if (attempt < 3 && options.port === undefined && log.includes('address already in use')) continue;
      await removeDir();
      const tail = log.trimEnd().split('\n').slice(-15).join('\n');
      throw new Error(`MLflow did not start on ${url}\n${tail}`, { cause });
    }
  }
}

interface Child {
  readonly exited: () => boolean;
  readonly kill: () => Promise<void>;
}

interface Place {
  readonly dir: string;
  readonly temporary: boolean;
}

// The shell leads a process group. Its background half waits for our end of the pipe to close, which the kernel does
// even when we are killed, and then removes the temporary folder, if any, and kills the group: MLflow, its uvicorn, and
// the shell. (A background command gets /dev/null as its input, hence the copy of the pipe in descriptor 3.) A server
// that ends by itself ends that half first, so that its log can be read.
const SUPERVISE = [
  'exec 3<&0 </dev/null',
  '(cat <&3 >/dev/null; [ -z "$0" ] || rm -rf "$0"; kill -KILL 0) & watch=$!',
  '"$@" 3<&-; code=$?; kill -KILL $watch; exit $code',
].join('\n');

async function launch(
  python: string,
  { dir, temporary }: Place,
  host: string,
  port: number,
  allowed: readonly string[],
): Promise<Child> {
  const log = await open(join(dir, 'server.log'), 'w');
  const server = ['-m', 'mlflow', 'server', '--host', host, '--port', String(port), '--workers', '1'];
  const stores = ['--backend-store-uri', `sqlite:///${join(dir, 'mlflow.db')}`];
  stores.push('--artifacts-destination', join(dir, 'artifacts'));
  if (allowed.length > 0) stores.push('--allowed-hosts', allowed.join(','));
  const child = spawn('sh', ['-c', SUPERVISE, temporary ? dir : '', python, ...server, ...stores], {
    cwd: dir,
    detached: true,
    stdio: ['pipe', log.fd, log.fd],
    env: {
      ...process.env,
      // The job runner and its queues would take another 0.4 GB; nothing of ours uses them.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      // With SQLite's default pool 40 parallel run creations fail with "QueuePool limit".
      MLFLOW_SQLALCHEMYSTORE_POOL_SIZE: '60',
      MLFLOW_DISABLE_TELEMETRY: 'true',
    },
  });
  const gone = once(child, 'exit');
  await once(child, 'spawn');
  await log.close();
  const kill = async (): Promise<void> => {
    try {
      process.kill(-(child.pid ?? Number.NaN), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await gone;
  };
  return { exited: () => child.exitCode !== null || child.signalCode !== null, kill };
}

async function healthy(url: string, child: Child, signal: AbortSignal | undefined): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    if (child.exited()) throw new Error('the server ended while it started');
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) }).catch(
      () => undefined,
    );
    if (answer?.ok === true) return;
    await sleep(100);
  }
  throw new Error(`no answer from /health in ${START_DEADLINE_MS / 1000} s`);
}

/** The wanted port or any; throws when it is taken, as whoever has it might answer our health check. */
async function freePort(host: string, wanted = 0): Promise<number> {
  const probe = createServer().listen(wanted, host);
  await once(probe, 'listening').catch((cause: unknown) => {
    throw new Error(`MLflow cannot listen on ${host}:${wanted}; is something else there?`, { cause });
  });
  const address = probe.address();
  const closed = once(probe, 'close');
  probe.close();
  await closed;
  if (address === null || typeof address === 'string') throw new Error('the probe socket has no port');
  return address.port;
}
