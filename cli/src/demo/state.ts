/** What a demo leaves running on this machine, so that the next run and `--down` find it. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheRoot } from '@hilum/hack';
import { DemoError } from './errors.ts';

/** Where the demo of this user keeps what runs on. */
const DEMO_DIR = join(cacheRoot(), 'demo');
const FORWARD_DEADLINE_MS = 30_000;

/** Addresses on 127.0.0.1 that lead to Services of the cluster, and go on after this process. */
export interface Forwards {
  /**
   * @param name one forward of that name exists at a time; an earlier one is ended
   * @param path answers with 2xx once the Service is there
   * @returns the base URL, once something answers there
   */
  open(
    name: string,
    kubectl: readonly string[],
    service: { readonly namespace: string; readonly name: string; readonly port: number },
    path: string,
  ): Promise<string>;
  /** Ends all of them, those of earlier runs as well. */
  end(): Promise<void>;
}

/** @param dir remembers the processes */
export function createForwards(dir = DEMO_DIR): Forwards {
  const endOne = async (name: string): Promise<void> => {
    const file = join(dir, `${name}.pid`);
    const pid = Number(await readFile(file, 'utf8').catch(() => '0'));
    if (pid > 0 && (await isForward(pid))) process.kill(pid, 'SIGTERM');
    await rm(file, { force: true });
  };
  return {
    open: async (name, kubectl, service, path) => {
      await endOne(name);
      const port = await freePort();
      const place = ['-n', service.namespace, 'port-forward', '--address', '127.0.0.1'];
      const args = [...kubectl, ...place, `service/${service.name}`, `${port}:${service.port}`];
      const script = join(import.meta.dirname, 'forward.ts');
      const child = spawn(process.execPath, [script, ...args], { detached: true, stdio: 'ignore' });
      child.unref();
      await mkdir(dir, { recursive: true });
      await writeFile(join(dir, `${name}.pid`), String(child.pid));
      const url = `http://127.0.0.1:${port}`;
      if (await answers(url + path)) return url;
      await endOne(name);
      const what = `service/${service.name} in ${service.namespace}`;
      throw new DemoError(
        'FORWARD_FAILED',
        `${what} did not answer ${path} through kubectl port-forward within 30 s`,
      );
    },
    end: async () => {
      const entries = await readdir(dir).catch(() => []);
      for (const entry of entries) if (entry.endsWith('.pid')) await endOne(entry.slice(0, -'.pid'.length));
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const deadline = performance.now() + FORWARD_DEADLINE_MS;
  while (performance.now() < deadline) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) return true;
    await sleep(250);
  }
  return false;
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
