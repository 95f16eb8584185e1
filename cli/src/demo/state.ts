/** What a demo leaves running on this machine, so that the next run and `--down` find it. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheRoot } from '@hilum/hack';
import { DemoError } from './errors.ts';

const stateDir = join(cacheRoot(), 'demo');
const FORWARD_DEADLINE_MS = 30_000;

/**
 * An address on 127.0.0.1 that leads to a Service of the cluster, and goes on after this process.
 *
 * @param name one forward of that name exists at a time; an earlier one is ended
 * @returns the base URL, once something answers there
 */
export async function forward(
  name: string,
  kubectl: readonly string[],
  target: { readonly namespace: string; readonly service: string; readonly port: number },
  path: string,
): Promise<string> {
  await endForward(name);
  const port = await freePort();
  const args = [
    '-n',
    target.namespace,
    'port-forward',
    '--address',
    '127.0.0.1',
    `service/${target.service}`,
    `${port}:${target.port}`,
  ];
  const script = join(import.meta.dirname, 'forward.ts');
  const child = spawn(process.execPath, [script, ...kubectl, ...args], { detached: true, stdio: 'ignore' });
  child.unref();
  await mkdir(stateDir, { recursive: true });
  await writeFile(join(stateDir, `${name}.pid`), String(child.pid));
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + FORWARD_DEADLINE_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(url + path, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) return url;
    await sleep(250);
  }
  await endForward(name);
  throw new DemoError(
    'FORWARD_FAILED',
    `service/${target.service} in ${target.namespace} did not answer ${path} through kubectl port-forward within 30 s`,
  );
}

/** Ends all forwards that earlier runs left. */
export async function endForwards(): Promise<void> {
  const entries = await readdir(stateDir).catch(() => []);
  for (const entry of entries) if (entry.endsWith('.pid')) await endForward(entry.slice(0, -'.pid'.length));
}

async function endForward(name: string): Promise<void> {
  const file = join(stateDir, `${name}.pid`);
  const pid = Number(await readFile(file, 'utf8').catch(() => '0'));
  if (pid > 0 && (await isForward(pid))) process.kill(pid, 'SIGTERM');
  await rm(file, { force: true });
}

/** A pid may have been given to another process since. */
async function isForward(pid: number): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.includes(join('demo', 'forward.ts'));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
