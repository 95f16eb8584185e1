/**
 * What the person at the terminal sees: one line a step, redrawn while it runs on a terminal, printed at each change
 * otherwise (a log, CI).
 */

/** Where lines go; `process.stderr` fits, so that standard output stays free for the answer. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

export interface Screen {
  /** Runs one step under a title; the line ends with ✓ and what `work` returns, or ✗ and the error passes on. */
  step<T>(title: string, work: (progress: (text: string) => void) => Promise<readonly [string, T]>): Promise<T>;
  line(text: string): void;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const TITLE_WIDTH = 16;
const FRAME_MS = 100;

export function createScreen(terminal: Terminal): Screen {
  return {
    line: (text) => void terminal.write(`${text}\n`),
    step: async (title, work) => {
      let text = '';
      let frame = 0;
      const head = (mark: string): string => `${mark} ${title.padEnd(TITLE_WIDTH)} ${text}`;
      const draw = (): void => {
        terminal.write(`\r\u001B[2K${head(FRAMES[frame % FRAMES.length] ?? ' ')}`);
        frame += 1;
      };
      const timer = terminal.isTTY === true ? setInterval(draw, FRAME_MS) : undefined;
      const progress = (next: string): void => {
        if (next === text) return;
        text = next;
        if (timer === undefined) terminal.write(`${head('…')}\n`);
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
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd()).join('\n');
}
