/**
 * What the person at the terminal sees: one line a step, redrawn while it runs on a terminal; otherwise (a log, CI) its
 * changes, a few seconds apart.
 */

/** Where lines go; `process.stderr` fits, so that standard output stays free for the answer. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  /** Width; a longer line would wrap and could not be redrawn. */
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Screen {
  /** Runs one step under a title; the line ends with ✓ and what `work` returns, or ✗ and the error passes on. */
  step<T>(
    title: string,
    work: (progress: (text: string) => void) => Promise<readonly [string, T]>,
  ): Promise<T>;
  line(text: string): void;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const TITLE_WIDTH = 16;
const FRAME_MS = 100;
const LOG_EVERY_MS = 3_000;

/** @param now milliseconds of any clock that runs forward */
export function createScreen(terminal: Terminal, now: () => number = () => performance.now()): Screen {
  return {
    line: (text) => void terminal.write(`${text}\n`),
    step: async (title, work) => {
      let text = '';
      let frame = 0;
      let printedAt = Number.NEGATIVE_INFINITY;
      const head = (mark: string): string => `${mark} ${title.padEnd(TITLE_WIDTH)} ${text}`;
      const draw = (): void => {
        const line = head(FRAMES[frame % FRAMES.length] ?? ' ');
        terminal.write(`\r\u001B[2K${line.slice(0, (terminal.columns ?? 80) - 1)}`);
        frame += 1;
      };
      const timer = terminal.isTTY === true ? setInterval(draw, FRAME_MS) : undefined;
      const progress = (next: string): void => {
        if (next === text) return;
        text = next;
        if (timer !== undefined || now() - printedAt < LOG_EVERY_MS) return;
        printedAt = now();
        terminal.write(`${head('…')}\n`);
      };
      const end = (mark: string, last: string): void => {
        clearInterval(timer);
        text = last;
        terminal.write(`${timer === undefined ? '' : '\r\u001B[2K'}${head(mark)}\n`);
      };
      try {
        const [summary, value] = await work(progress);
        end('✓', summary);
        return value;
      } catch (error) {
        end('✗', text);
        throw error;
      }
    },
  };
}

/** `███████░░░░░  7/20` */
export function bar(done: number, total: number, width = 20): string {
  const share = total <= 0 ? 0 : Math.min(1, Math.max(0, done / total));
  const full = Math.round(share * width);
  return `${'█'.repeat(full)}${'░'.repeat(width - full)} ${done}/${total}`;
}

/** Columns as wide as their widest cell, two blanks between. */
export function table(rows: ReadonlyArray<readonly string[]>): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
