/** Registries: pushing to any, and a real one on loopback for tests. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureTool } from '../cache.ts';
import { run } from '../run.ts';
import { archiveOf } from './build.ts';
import { buildah, policyPath } from './buildah.ts';
import { dockerAnswers } from './docker.ts';

const PUSH_TIMEOUT_MS = 20 * 60_000;

/**
 * Pushes a built image.
 *
 * Credentials: REGISTRY_USER and REGISTRY_PASSWORD, else those that `docker login` or `buildah login` left.
 *
 * @param ref as `BuiltImage.ref`
 * @param destination `host[:port]/path:tag`; a host of 127.0.0.1 or localhost is spoken to without TLS
 * @returns the digest that the registry stores it under, `sha256:…`
 */
export async function pushImage(ref: string, destination: string): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'hilum-push-'));
  try {
    const auth = await authFile(scratch, destination.split('/')[0] as string);
    return (await dockerAnswers())
      ? await pushWithDocker(ref, destination, auth)
      : await pushWithBuildah(ref, destination, auth, join(scratch, 'digest'));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A password in a file that only we read: arguments are seen by everyone, and end in error messages. */
async function authFile(folder: string, host: string): Promise<string | undefined> {
  const { REGISTRY_USER: user, REGISTRY_PASSWORD: password } = process.env;
  if (user === undefined || user === '' || password === undefined) return undefined;
  const auths = { [host]: { auth: Buffer.from(`${user}:${password}`).toString('base64') } };
  const path = join(folder, 'config.json');
  await writeFile(path, JSON.stringify({ auths }), { mode: 0o600 });
  return path;
}

async function pushWithDocker(ref: string, destination: string, auth: string | undefined): Promise<string> {
  const env = auth === undefined ? {} : { DOCKER_CONFIG: join(auth, '..') };
  await run('docker', ['tag', ref, destination]);
  const { stdout } = await run('docker', ['push', destination], { env, timeoutMs: PUSH_TIMEOUT_MS });
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1];
  if (digest === undefined) throw new Error(`docker push ${destination} named no digest`);
  return digest;
}

async function pushWithBuildah(
  ref: string,
  destination: string,
  auth: string | undefined,
  digestFile: string,
): Promise<string> {
  const { code } = await buildah(['inspect', '--type', 'image', ref], { allowFailure: true });
  const archive = archiveOf(ref);
  if (code !== 0 && existsSync(archive)) {
    await buildah(['pull', '--quiet', '--signature-policy', policyPath, `docker-archive:${archive}`]);
  }
  const local = /^(127\.0\.0\.1|localhost)[:/]/.test(destination);
  const options = [
    '--quiet',
    `--signature-policy=${policyPath}`,
    `--digestfile=${digestFile}`,
    ...(auth === undefined ? [] : ['--authfile', auth]),
    // To loopback, compressing costs more than it saves.
    ...(local ? ['--tls-verify=false', '--disable-compression'] : []),
  ];
  await buildah(['push', ...options, ref, `docker://${destination}`], { timeoutMs: PUSH_TIMEOUT_MS });
  return (await readFile(digestFile, 'utf8')).trim();
}

export interface Registry {
  readonly host: `127.0.0.1:${number}`;
  stop(): Promise<void>;
}

/**
 * The CNCF distribution registry of Debian on a free loopback port, empty, in a temporary folder.
 *
 * Ends with this process, however that ends.
 */
export async function startRegistry(
  options: { readonly username?: string; readonly password?: string } = {},
): Promise<Registry> {
  const binary = await registryBinary();
  const dir = await mkdtemp(join(tmpdir(), 'hilum-registry-'));
  const host = `127.0.0.1:${await freePort()}` as const;
  const { username, password } = options;
  const secured = username !== undefined && password !== undefined;
  if (secured)
    await writeFile(join(dir, 'htpasswd'), `${username}:${await bcrypt(password)}\n`, { mode: 0o600 });
  const config = {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(dir, 'data') } },
    http: { addr: host },
    ...(secured ? { auth: { htpasswd: { realm: 'hilum', path: join(dir, 'htpasswd') } } } : {}),
  };
  await writeFile(join(dir, 'config.yml'), JSON.stringify(config)); // JSON is YAML
  const log: string[] = [];
  // pdeathsig: the kernel ends it when this process ends without `stop`.
  const tied = 'exec setpriv --pdeathsig KILL "$0" serve "$1"';
  const child = spawn('sh', ['-c', tied, binary, join(dir, 'config.yml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.on('data', (chunk: Buffer) => log.push(chunk.toString()));
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      log.push(error.message);
      resolve();
    });
    child.once('close', () => resolve());
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await rm(dir, { recursive: true, force: true });
  };
  const failed = ended.then(() =>
    Promise.reject(new Error(`the registry ended: ${log.join('').slice(-1000)}`)),
  );
  try {
    await Promise.race([answers(`http://${host}/v2/`), failed]);
  } catch (cause) {
    await stop();
    throw cause;
  }
  failed.catch(() => undefined); // from here on its end is `stop`
  return { host, stop };
}

async function answers(url: string): Promise<void> {
  const deadline = AbortSignal.timeout(15_000);
  for (;;) {
    const status = await fetch(url, { signal: deadline }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200 || status === 401) return;
    await sleep(50, undefined, { signal: deadline });
  }
}

/** The package is unpacked, not installed: installing would start a service that listens on every address. */
async function registryBinary(): Promise<string> {
  const dir = await ensureTool({
    name: 'docker-registry',
    version: 'debian',
    cost: '6 MB download',
    make: async (scratch) => {
      const download = ['-q', 'download', 'docker-registry'] as const;
      const first = await run('apt-get', download, { cwd: scratch, allowFailure: true });
      if (first.code !== 0) {
        // A new machine knows no list of packages yet.
        await run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', 'update']);
        await run('apt-get', download, { cwd: scratch });
      }
      const file = (await readdir(scratch)).find((entry) => entry.endsWith('.deb'));
      if (file === undefined) throw new Error('apt-get download left no package');
      await run('dpkg-deb', ['--extract', file, '.'], { cwd: scratch });
      await rm(join(scratch, file));
    },
  });
  return join(dir, 'usr/bin/docker-registry');
}

/** The only hash that the registry takes. Node has none; perl, which every Debian has, asks the C library. */
async function bcrypt(password: string): Promise<string> {
  const script =
    'my $p = <STDIN>; print crypt($p, q($2b$05$) . join("", map { (0..9, "a".."z")[rand 36] } 1..21) . "u")';
  const { stdout } = await run('perl', ['-e', script], { input: password });
  if (!stdout.startsWith('$2b$')) throw new Error("this machine's C library has no bcrypt");
  return stdout;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
