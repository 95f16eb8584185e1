/** The server as a process of its own, as a pod runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ServerProcess {
  readonly child: ChildProcess;
  readonly url: string;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  /** All lines that it logged. */
  readonly logged: () => string;
  /** Of its memory, now. */
  readonly residentBytes: () => Promise<number>;
}

/** Resolves when it is ready. The caller ends it. */
export async function spawnServer(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts')], {
    env: {
      PATH: process.env['PATH'],
      HILUM_HOST: '127.0.0.1',
      HILUM_PORT: '0',
      HILUM_TERMINATION_LOG: '',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  let text = '';
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const url = /server listens at (http[^"]+)"/.exec(text)?.[1];
      if (url !== undefined && text.includes('"reason":"READY"')) resolve(url);
    });
    void ended.then((code) =>
      reject(new Error(`the server ended with ${code} before it was ready:\n${text}`)),
    );
  });
  return {
    child,
    url: await ready,
    ended,
    logged: () => text,
    residentBytes: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]) * 1_024;
    },
  };
}
