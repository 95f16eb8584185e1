/** A real MLflow tracking server on this machine: SQLite, local artifacts through its proxy, no job runner. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { supervise, type Supervised } from './supervise.ts';
import { mlflow2Venv, mlflowVenv } from './tools/python.ts';

export interface MlflowServerOptions {
  /** Keeps database and artifacts here after `stop()`; default: a temporary folder that `stop()` removes. */
  readonly dir?: string;
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Default: a free port. */
  readonly port?: number;
  /** `Host` headers that the server takes, for example `['mlflow', 'mlflow:*']`; default: localhost and private addresses. */
  readonly allowedHosts?: readonly string[];
  /** Default 3; 2 is the older server of the contract tests. */
  readonly major?: 3 | 2;
  /** Where runs are kept, for example `postgresql://…`; default SQLite in `dir`. */
  readonly backendStoreUri?: string;
  /** Basic authentication, with this administrator; a password has at least 12 characters. */
  readonly auth?: { readonly username: string; readonly password: string };
  readonly signal?: AbortSignal;
}

export interface MlflowServer {
  readonly url: string;
  /** Interpreter with mlflow, onnx, onnxruntime and numpy, for checks by plain Python. */
  readonly python: string;
  /** It takes connections and says no more, until `resume()`. */
  pause(): void;
  resume(): void;
  /** Kills the server and all of its processes, which also happens when this process dies. */
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 120_000;

/** Starts MLflow and returns when it answers. */
export async function startMlflow(options: MlflowServerOptions = {}): Promise<MlflowServer> {
  const { python } = await (options.major === 2 ? mlflow2Venv() : mlflowVenv());
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'hilum-mlflow-')));
  await mkdir(join(dir, 'artifacts'), { recursive: true });
  const host = options.host ?? '127.0.0.1';
  const temporary = options.dir === undefined;
  const removeDir = async (): Promise<void> => {
    if (temporary) await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  // A port that was free may be taken by another process before the server binds it: try again with another.
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort('MLflow', host, options.port);
    const child = await launch(python, { dir, temporary }, { host, port }, options);
    const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;
    try {
      await healthy(url, child, options.signal);
      const stop = async (): Promise<void> => {
        await child.kill();
        await removeDir();
      };
      const pause = (): void => child.signal('SIGSTOP');
      const resume = (): void => child.signal('SIGCONT');
      return { url, python, pause, resume, stop };
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

interface Place {
  readonly dir: string;
  readonly temporary: boolean;
}

async function launch(
  python: string,
  { dir, temporary }: Place,
  at: { readonly host: string; readonly port: number },
  options: MlflowServerOptions,
): Promise<Supervised> {
  const server = ['-m', 'mlflow', 'server', '--host', at.host, '--port', String(at.port), '--workers', '1'];
  server.push('--backend-store-uri', options.backendStoreUri ?? `sqlite:///${join(dir, 'mlflow.db')}`);
  server.push('--artifacts-destination', join(dir, 'artifacts'));
  if (options.allowedHosts !== undefined) server.push('--allowed-hosts', options.allowedHosts.join(','));
  if (options.auth !== undefined) server.push('--app-name', 'basic-auth');
  return supervise({
    command: [python, ...server],
    dir,
    temporary,
    env: {
      // MLflow 2 calls gunicorn by its name.
      PATH: `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}`,
      // The job runner and its queues would take another 0.4 GB; nothing of ours uses them.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      // With SQLite's default pool 40 parallel run creations fail with "QueuePool limit".
      MLFLOW_SQLALCHEMYSTORE_POOL_SIZE: '60',
      MLFLOW_DISABLE_TELEMETRY: 'true',
      ...(options.auth === undefined ? {} : await authOf(options.auth, dir)),
    },
  });
}

/** The first administrator, and the cache without which every request costs 0.3 s of PBKDF2. */
async function authOf(
  { username, password }: NonNullable<MlflowServerOptions['auth']>,
  dir: string,
): Promise<Record<string, string>> {
  const file = join(dir, 'auth.ini');
  const lines = [
    '[mlflow]',
    'default_permission = READ',
    `database_uri = sqlite:///${join(dir, 'auth.db')}`,
    `admin_username = ${username}`,
    'authorization_function = mlflow.server.auth:authenticate_request_basic_auth',
    'auth_cache_ttl_seconds = 60',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return {
    MLFLOW_AUTH_CONFIG_PATH: file,
    MLFLOW_AUTH_ADMIN_PASSWORD: password,
    MLFLOW_FLASK_SERVER_SECRET_KEY: randomBytes(16).toString('hex'),
  };
}

async function healthy(url: string, child: Supervised, signal: AbortSignal | undefined): Promise<void> {
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
