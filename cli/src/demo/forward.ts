/**
 * Keeps one `kubectl port-forward` alive behind the demo: it ends whenever its pod is replaced. Run by the demo as a
 * process of its own, so that the addresses that it printed go on working; `--down` ends it.
 *
 * Arguments: the command and its arguments, one each.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const RESTART_MS = 500;
// A cluster that is gone: two minutes of nothing but failures.
const GIVE_UP_MS = 120_000;

const [command, ...args] = process.argv.slice(2);
if (command === undefined) throw new Error('usage: forward.ts COMMAND ARG…');
let child: ReturnType<typeof spawn> | undefined;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    child?.kill('SIGKILL');
    process.exit(0);
  });
}
let failingForMs = 0;
while (failingForMs < GIVE_UP_MS) {
  const started = performance.now();
  child = spawn(command, args, { stdio: 'ignore' });
  const running = child;
  await new Promise<void>((resolve) => {
    running.once('error', () => resolve());
    running.once('close', () => resolve());
  });
  const livedMs = performance.now() - started;
  failingForMs = livedMs > 10_000 ? 0 : failingForMs + livedMs + RESTART_MS;
  await sleep(RESTART_MS);
}
