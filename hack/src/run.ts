/** Runs one command to its end. */
import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string | undefined>;
  /** Written to standard input, then closed. */
  readonly input?: string | Uint8Array;
  /** Killed after this long; default 10 minutes. */
  readonly timeoutMs?: number;
  /** Do not throw on a non-zero exit. */
  readonly allowFailure?: boolean;
  /** Called with each line of standard output and error while the command runs. */
  readonly onLine?: (line: string) => void;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `command args…` without a shell; throws with the end of its output when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  collect(child.stdout, out, options.onLine);
  collect(child.stderr, err, options.onLine);
  child.stdin.on('error', () => undefined); // a command that does not read its input closes the pipe
  child.stdin.end(options.input ?? '');
  // Not spawn's own `timeout`: where the command is missing, its timer keeps this process alive to the end.
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 600_000);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', (cause) => {
      const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      reject(missing ? new Error(`${command}: command not found`, { cause }) : cause);
    });
    child.once('close', (exit, signal) => resolve(exit ?? (signal === null ? 1 : 137)));
  }).finally(() => clearTimeout(timer));
  const result = { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  if (code !== 0 && options.allowFailure !== true) {
    const tail = (result.stderr + result.stdout).trimEnd().split('\n').slice(-15).join('\n');
    throw new Error(`${command} ${args.join(' ')}: exit ${code}\n${tail}`);
  }
  return result;
}

function collect(stream: NodeJS.ReadableStream, into: Buffer[], onLine: RunOptions['onLine']): void {
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    into.push(chunk);
    if (onLine === undefined) return;
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}
