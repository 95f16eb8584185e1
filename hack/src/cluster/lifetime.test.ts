import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, vi } from 'vitest';
import { run } from '../run.ts';
import { cluster, type Cluster } from './cluster.ts';

const wait = { timeout: 30_000, interval: 200 };

describe('a cluster', () => {
  it('leaves nothing when it goes down, and can go down twice', async () => {
    const gone = await cluster.up('control');
    const network = await networkOf(gone);
    expect(await tracesOf(gone.dir, network)).not.toEqual([]);
    await gone.down();
    await gone.down();
    expect(await tracesOf(gone.dir, network)).toEqual([]);
  });

  it('that fails to start says why, and leaves nothing running', async () => {
    const signal = AbortSignal.timeout(300);
    await expect(cluster.up('control', { name: 'too-late', signal })).rejects.toThrow(/timeout/);
    expect(await cluster.attach('too-late')).toBeUndefined();
  });
});

describe('a detached cluster', () => {
  it('is found by its name until it goes down', async () => {
    const name = `detached-${process.pid}`;
    const started = await cluster.up('control', { name, detached: true });
    const found = await cluster.attach(name);
    expect(found).toMatchObject({ mode: 'control', kubeconfig: started.kubeconfig });
    expect(await found?.kubectl(['get', 'namespaces'])).toContain('kube-system');
    await found?.down();
    expect(await cluster.attach(name)).toBeUndefined();
  });
});

describe('a cluster whose starter is killed', () => {
  it(
    'ends and clears itself away: processes, mounts, cgroups, network, folder',
    { timeout: 90_000 },
    async () => {
      const { dir, network, kill } = await startElsewhere('node');
      expect((await tracesOf(dir, network)).join('\n')).toMatch(/\/sys\/fs\/cgroup/);
      kill('starter');
      await vi.waitFor(async () => expect(await tracesOf(dir, network)).toEqual([]), wait);
    },
  );

  it(
    'ends even when its holder is killed too; the next start clears away the rest',
    { timeout: 90_000 },
    async () => {
      const { dir, network, kill } = await startElsewhere('control');
      kill('holder');
      kill('starter');
      await vi.waitFor(async () => {
        const left = await tracesOf(dir, network);
        expect(left.filter((trace) => trace.startsWith('process'))).toEqual([]);
      }, wait);
      // This one or that of another suite; both sweep.
      const next = await cluster.up('control');
      await next.down();
      expect(await tracesOf(dir, network)).toEqual([]);
    },
  );
});

/** A cluster that another process started, which can be killed without a chance to clean up. */
async function startElsewhere(
  mode: 'control' | 'node',
): Promise<{ dir: string; network: string; kill: (who: 'starter' | 'holder') => void }> {
  const script = `
    import { cluster } from ${JSON.stringify(join(import.meta.dirname, 'cluster.ts'))};
    const it = await cluster.up('${mode}');
    console.log(it.dir);
    setInterval(() => undefined, 1000);
  `;
  const starter = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const dir = await new Promise<string>((resolve, reject) => {
    createInterface(starter.stdout).once('line', resolve);
    starter.once('close', () => reject(new Error('the starter ended')));
  });
  const [holder] = (await readFile(join(dir, 'holder'), 'utf8')).split(' ').map(Number);
  const [pid1] = (await readFile(join(dir, 'pid1'), 'utf8')).split(' ');
  const pids = { starter: starter.pid as number, holder: holder as number };
  const network = await readlink(`/proc/${pid1}/ns/net`);
  return { dir, network, kill: (who) => void process.kill(pids[who], 'SIGKILL') };
}

async function networkOf(it: Cluster): Promise<string> {
  const { stdout } = await it.exec(['readlink', '/proc/self/ns/net']);
  return stdout.trim();
}

/** What of a cluster is on the host: folder, processes, mounts, cgroups. Its network lives while a process is in it. */
async function tracesOf(dir: string, network: string): Promise<readonly string[]> {
  const found: string[] = existsSync(dir) ? [`folder ${dir}`] : [];
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const command = await readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '');
    const namespace = await readlink(join('/proc', pid, 'ns/net')).catch(() => '');
    if (command.includes(`${dir}/`) || namespace === network) {
      found.push(`process ${pid} ${command.replaceAll('\0', ' ').slice(0, 100)}`);
    }
  }
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  found.push(...mounts.split('\n').filter((line) => line.includes(`${dir}/`)));
  const cgroup = `hilum-${createHash('sha256').update(dir).digest('hex').slice(0, 10)}`;
  const { stdout } = await run('find', ['/sys/fs/cgroup', '-maxdepth', '2', '-name', cgroup]);
  return [...found, ...stdout.split('\n').filter((line) => line !== '')];
}
