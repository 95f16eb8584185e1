/** What a command of `hilum` is, and how its call is read and explained. */
import { parseArgs } from 'node:util';

/** Where a command writes and when it has to stop. */
export interface Io {
  /** The answer, and nothing else. */
  readonly stdout: { write(text: string): unknown };
  /** Progress and complaints. */
  readonly stderr: {
    readonly isTTY?: boolean | undefined;
    /** Width of the terminal. */
    readonly columns?: number | undefined;
    write(text: string): unknown;
  };
  /** Raised by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}

interface Option {
  readonly type: 'string' | 'boolean';
  readonly description: string;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** The call in one line. */
  readonly usage: string;
  readonly options: Readonly<Record<string, Option>>;
  /**
   * `values` holds an entry for each option that was given, typed as its option is; a command names the ones it reads
   * in a type of its own, hence `never` here.
   *
   * @returns the exit code
   */
  run(values: never, positionals: readonly string[], io: Io): Promise<number>;
}

/** A wrong call: exit code 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
  readonly exitCode = 64;
}

export interface Call {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
  readonly help: boolean;
}

/** @throws UsageError */
export function parseCall(command: Command, args: readonly string[]): Call {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { type }]) => [name, { type }] as const),
  );
  try {
    const { values, positionals } = parseArgs({
      args: joinNegative(args, options),
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
      strict: true,
    });
    return { values, positionals, help: values.help === true };
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** `--window -600/1500` → `--window=-600/1500`: parseArgs takes a value that begins with a dash in that form only. */
function joinNegative(
  args: readonly string[],
  options: Readonly<Record<string, Pick<Option, 'type'>>>,
): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const before = joined.at(-1) ?? '';
    const takesValue = before.startsWith('--') && options[before.slice(2)]?.type === 'string';
    if (takesValue && /^-\d/.test(arg)) joined.splice(-1, 1, `${before}=${arg}`);
    else joined.push(arg);
  }
  return joined;
}

/** What `hilum COMMAND --help` prints. */
export function explain(command: Command): string {
  const names = Object.entries(command.options).map(([name, { type, description }]) => {
    const flag = type === 'string' ? `--${name} ${name.replaceAll('-', '_').toUpperCase()}` : `--${name}`;
    return [flag, description] as const;
  });
  const rows = [...names, ['--help', 'print this'] as const];
  const width = Math.max(...rows.map(([flag]) => flag.length));
  const lines = rows.map(([flag, description]) => `  ${flag.padEnd(width)}  ${description}`);
  return `${command.usage}\n\n${command.summary}\n\n${lines.join('\n')}\n`;
}
