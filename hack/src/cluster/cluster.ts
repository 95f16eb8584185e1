/** The built-in one-node cluster: a typed front of `hack/cluster/kc`. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import { cacheRoot } from '../cache.ts';
import { run, type RunResult } from '../run.ts';
import { clusterImages } from '../tools/cluster-images.ts';
import { helmPath } from '../tools/helm.ts';
import { kubectlPath, kubernetesTools } from '../tools/kubernetes.ts';
import { systemPackages } from '../tools/system-packages.ts';

/**
 * `control`: etcd and the API server. `kcm`: and the controller manager and the scheduler, so that owner references,
 * garbage collection, Jobs and Deployments move, without pods. `node`: and a real node that runs pods.
 */
export type ClusterMode = 'control' | 'kcm' | 'node';

export interface UpOptions {
  /** Default: a name of this process. Two names are two clusters. */
  readonly name?: string;
  /** Outlives this process; else the cluster ends with it, however it ends. */
  readonly detached?: boolean;
  /** Cluster DNS and metrics-server (mode `node`). */
  readonly addons?: boolean;
  /** Aborting while it starts ends what has started. */
  readonly signal?: AbortSignal;
}

export interface Cluster {
  readonly name: string;
  readonly mode: ClusterMode;
  /** Its run folder: logs lie in `log/`. */
  readonly dir: string;
  /** Path; works from the host, the API is on 127.0.0.1. */
  readonly kubeconfig: string;
  /** @returns standard output; throws with standard error when it fails */
  kubectl(
    args: readonly string[],
    options?: { readonly input?: string; readonly timeoutMs?: number },
  ): Promise<string>;
  helm(args: readonly string[]): Promise<string>;
  /** A command inside the cluster's network. */
  exec(command: readonly string[]): Promise<RunResult>;
  /** Imports a docker-archive or OCI tar into the node. */
  load(imageTar: string): Promise<void>;
  /** `host:port` on 127.0.0.1; host is an address, or `service.namespace.svc`. */
  expose(hostPort: string): Promise<{ readonly url: string; close(): Promise<void> }>;
  /** Ends it and removes its folder. Safe to repeat. */
  down(): Promise<void>;
}

export class ClusterError extends Error {
  override readonly name = 'ClusterError';
  readonly code: 'CLUSTER_NOT_STARTED' | 'CLUSTER_COMMAND_FAILED';

  constructor(code: ClusterError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const cluster = { up, attach } as const;

const KC = join(import.meta.dirname, '../../cluster/kc');
const UP_TIMEOUT_MS = 240_000;
const COMMAND_TIMEOUT_MS = 120_000;

let count = 0;

/** Starts a cluster; resolves when its API answers (mode `node`: when the node is ready). */
async function up(mode: ClusterMode, options: UpOptions = {}): Promise<Cluster> {
  const name = options.name ?? `${mode}-${process.pid}-${(count += 1)}`;
  const env = await environment(name, mode);
  await systemPackages(mode === 'node' ? 'node' : 'cluster');
  options.signal?.throwIfAborted();
  const started =
    options.detached === true ? await upDetached(mode, env, options) : await upTied(mode, env, options);
  const it = handle(name, mode, env, started.down);
  if (options.addons !== true) return it;
  try {
    await kc(env, ['addons']);
    return it;
  } catch (cause) {
    await it.down();
    throw cause;
  }
}

/** A cluster that runs already, started detached. */
async function attach(name: string): Promise<Cluster | undefined> {
  const base = await environment(name);
  const { code, stdout } = await run(KC, ['status'], { env: base, allowFailure: true });
  if (code !== 0) return undefined;
  const mode = stdout.trim() as ClusterMode;
  const env = await environment(name, mode);
  return handle(name, mode, env, () => downDetached(env));
}

type Environment = { readonly KC_TOOLS: string; readonly KC_RUN: string; readonly KC_IMAGES?: string };
type Down = () => Promise<void>;

async function environment(name: string, mode?: ClusterMode): Promise<Environment> {
  if (!/^[a-z0-9][a-z0-9-]{0,40}$/.test(name)) {
    throw new ClusterError(
      'CLUSTER_NOT_STARTED',
      `cluster name ${JSON.stringify(name)}: a-z, 0-9 and - only`,
    );
  }
  return {
    KC_TOOLS: await kubernetesTools(),
    KC_RUN: join(cacheRoot(), 'clusters', name),
    ...(mode === 'node' ? { KC_IMAGES: await clusterImages() } : {}),
  };
}

function handle(name: string, mode: ClusterMode, env: Environment, down: Down): Cluster {
  const dir = env.KC_RUN;
  const kubeconfig = join(dir, 'kubeconfig');
  // The cache goes by address, and the next cluster may get this one's port.
  const client = { KUBECONFIG: kubeconfig, KUBECACHEDIR: join(dir, 'kubectl-cache') };
  return {
    name,
    mode,
    dir,
    kubeconfig,
    down,
    kubectl: async (args, options = {}) => {
      const result = await run(await kubectlPath(), args, {
        env: client,
        timeoutMs: options.timeoutMs ?? COMMAND_TIMEOUT_MS,
        ...(options.input === undefined ? {} : { input: options.input }),
      });
      return result.stdout;
    },
    helm: async (args) => (await run(await helmPath(), args, { env: client })).stdout,
    exec: (command) => run(KC, ['exec', ...command], { env, allowFailure: true }),
    load: async (imageTar) => void (await kc(env, ['load', imageTar])),
    expose: async (hostPort) => {
      const address = (await kc(env, ['expose', hostPort])).trim();
      const port = address.slice(address.lastIndexOf(':') + 1);
      return { url: `http://${address}`, close: async () => void (await kc(env, ['unexpose', port])) };
    },
  };
}

/**
 * `kc run` holds the cluster while its standard input is open. The kernel closes that pipe when this process ends,
 * even by SIGKILL, and `kc run` then clears everything away.
 */
async function upTied(mode: ClusterMode, env: Environment, options: UpOptions): Promise<{ down: Down }> {
  const holder = spawn(KC, ['run', mode], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true, // its own process group: Ctrl-C ends this process, whose end lets it clear away
  });
  const ended = new Promise<void>((resolve) => holder.once('close', () => resolve()));
  const down = async (): Promise<void> => {
    holder.ref();
    holder.stdin.end();
    holder.kill('SIGTERM'); // while it starts it does not read
    await ended;
  };
  try {
    await ready(holder, ended, options.signal);
  } catch (cause) {
    await down();
    throw cause;
  }
  // A test file may end without `down`: the holder must not keep the event loop alive.
  holder.unref();
  for (const stream of [holder.stdin, holder.stdout, holder.stderr])
    (stream as unknown as { unref(): void }).unref();
  return { down };
}

async function ready(
  holder: ChildProcessByStdio<Writable, Readable, Readable>,
  ended: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const errors: string[] = [];
  createInterface(holder.stderr).on('line', (line) => errors.push(line));
  const stop = AbortSignal.any([
    AbortSignal.timeout(UP_TIMEOUT_MS),
    ...(signal === undefined ? [] : [signal]),
  ]);
  await new Promise<void>((resolve, reject) => {
    const failed = (cause?: unknown): void =>
      reject(
        new ClusterError('CLUSTER_NOT_STARTED', errors.slice(-30).join('\n') || 'kc run ended', { cause }),
      );
    createInterface(holder.stdout).on('line', (line) => {
      if (line === 'READY') resolve();
    });
    holder.once('error', failed);
    void ended.then(() => failed());
    stop.addEventListener('abort', () => reject(stop.reason as Error), { once: true });
  });
}

async function upDetached(mode: ClusterMode, env: Environment, options: UpOptions): Promise<{ down: Down }> {
  await kc(env, ['up', mode], UP_TIMEOUT_MS);
  if (options.signal?.aborted === true) {
    await downDetached(env);
    options.signal.throwIfAborted();
  }
  return { down: () => downDetached(env) };
}

async function downDetached(env: Environment): Promise<void> {
  await kc(env, ['down', '--purge']);
}

async function kc(
  env: Environment,
  args: readonly string[],
  timeoutMs = COMMAND_TIMEOUT_MS,
): Promise<string> {
  const { code, stdout, stderr } = await run(KC, args, { env: { ...env }, timeoutMs, allowFailure: true });
  if (code === 0) return stdout;
  throw new ClusterError(
    'CLUSTER_COMMAND_FAILED',
    `kc ${args.join(' ')}: exit ${code}\n${stderr}${stdout}`.trimEnd(),
  );
}
