/** Runs fit-child.ts and listens to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Line {
  readonly type: string;
  readonly epoch?: number;
  readonly step?: number;
  readonly weights?: string;
  readonly curve?: unknown;
  readonly figures?: { readonly epoch: number };
  readonly code?: string;
  readonly why?: string;
}

export interface Child {
  readonly lines: readonly Line[];
  /** `SIGKILL`, or the exit code. */
  readonly end: string;
}

/**
 * @param onLine may end the child by what it is given
 * @param through a command that runs the child, such as `unshare`
 */
export async function fitProcess(
  args: readonly [dir: string, changes?: unknown],
  {
    onLine,
    env = {},
    through = [],
  }: {
    readonly onLine?: (line: Line, kill: () => void) => void;
    readonly env?: Readonly<Record<string, string>>;
    readonly through?: readonly string[];
  } = {},
): Promise<Child> {
  const script = join(import.meta.dirname, 'fit-child.ts');
  const node = [process.execPath, '--no-warnings', script, args[0], JSON.stringify(args[1] ?? {})];
  const [command = '', ...rest] = [...through, ...node];
  const child = spawn(command, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Line[] = [];
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    onLine?.(line, () => child.kill('SIGKILL'));
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0 && signal === null) throw new Error(`the child ended with ${code}\n${errors}`);
  return { lines, end: signal ?? String(code) };
}
