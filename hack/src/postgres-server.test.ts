import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';

it(
  'leaves neither a PostgreSQL nor its folder behind when its process is killed',
  { timeout: 180_000 },
  async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'hilum-postgres-test-'));
    await chmod(scratch, 0o755); // PostgreSQL runs as nobody where we are root
    try {
      const script = `
      import { startPostgres } from ${JSON.stringify(join(import.meta.dirname, 'postgres-server.ts'))};
      process.stdout.write((await startPostgres()).uri);
      setInterval(() => {}, 1000);
    `;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, TMPDIR: scratch },
      });
      const died = once(parent, 'exit').then(() => Promise.reject(new Error('it did not start')));
      died.catch(() => undefined);
      const [chunk] = (await Promise.race([once(parent.stdout, 'data'), died])) as [Buffer];
      const port = Number(new URL(chunk.toString()).port);
      expect(await answers(port)).toBe(true);
      parent.kill('SIGKILL');
      await once(parent, 'exit');
      await vi.waitFor(async () => expect(await answers(port)).toBe(false), { timeout: 30_000 });
      await vi.waitFor(async () => expect(await readdir(scratch)).toEqual([]), { timeout: 30_000 });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  },
);

async function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1');
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}
