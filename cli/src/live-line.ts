/** What is under way, on a terminal as one line that is redrawn, in a log as a line now and then. */
import type { Io } from './command.ts';

/** In a log, what is under way is told of this often. */
const EVERY_MS = 10_000;
/** Of a terminal that does not say how wide it is. */
const WIDTH = 120;

export interface LiveLine {
  /** A line that stays. */
  readonly keep: (text: string) => void;
  /** A line that the next one takes the place of. */
  readonly redraw: (text: string) => void;
}

/** @param now milliseconds */
export function liveLine(terminal: Io['stderr'], now: () => number): LiveLine {
  let last = -Infinity;
  const isTerminal = terminal.isTTY === true;
  return {
    keep: (text) => void terminal.write(`${isTerminal ? '\r\u001B[2K' : ''}${text}\n`),
    redraw: (text) => {
      // A longer line would wrap, and only its end be drawn over.
      if (isTerminal) terminal.write(`\r\u001B[2K${text.slice(0, (terminal.columns ?? WIDTH) - 1)}`);
      else if (now() - last >= EVERY_MS) {
        last = now();
        terminal.write(`${text}\n`);
      }
    },
  };
}

/** How long the rest takes at the speed so far; each kind of work has a clock of its own. */
export function remaining(now: () => number): (kind: string, done: number, total: number) => string {
  /** When a kind of work was first told of, and how much of it was done by then. */
  const started = new Map<string, { readonly at: number; readonly done: number }>();
  return (kind, done, total) => {
    const first = started.get(kind) ?? { at: now(), done };
    started.set(kind, first);
    if (done === first.done) return '';
    return `ETA ${duration(((now() - first.at) / (done - first.done)) * (total - done))}`;
  };
}

function duration(ms: number): string {
  const whole = Math.ceil(ms / 1000);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
