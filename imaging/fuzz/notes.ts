import { IMAGING_CODES, ImagingError } from '../src/index.ts';
import type { Image } from '../src/index.ts';
import { CANARY } from './corpus.ts';

/** What must never happen, and what there is to see of it. */
export type Finding = { readonly kind: FindingKind; readonly call: string; readonly text: string };
export const FINDING_KINDS = [
  'CODE',
  'CANARY',
  'INCONSISTENT',
  'OUTPUT',
  'SLOW',
  'MEMORY',
  'CRASH',
  'HANG',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** The slowest call of a case: `cpuMs` is that of the whole process meanwhile. */
export type Slowest = { readonly call: string; readonly wallMs: number; readonly cpuMs: number };

/** Keeps what is seen while the calls of one case are made. */
export class Notes {
  /** `decodeImage CORRUPT`. */
  readonly outcomes: string[] = [];
  readonly findings: Finding[] = [];
  slowest: Slowest = { call: '', wallMs: 0, cpuMs: 0 };

  /** The value, or undefined where the call was refused; `files` share the time that it takes. */
  async call<T>(name: string, made: () => T | Promise<T>, files = 1): Promise<T | undefined> {
    const started = performance.now();
    const cpu = process.cpuUsage();
    try {
      const value = await made();
      this.outcomes.push(`${name} ok`);
      return value;
    } catch (error) {
      this.refused(name, error);
      return undefined;
    } finally {
      const wallMs = (performance.now() - started) / files;
      const { user, system } = process.cpuUsage(cpu);
      if (wallMs > this.slowest.wallMs) {
        this.slowest = { call: name, wallMs, cpuMs: (user + system) / 1000 / files };
      }
    }
  }

  find(kind: FindingKind, call: string, text: string): void {
    this.findings.push({ kind, call, text });
  }

  /** Pixels may be any after bits were flipped, but of the number and range that the image promises. */
  consistent(call: string, image: Image): void {
    const { pixels, rows, columns } = image;
    if (pixels.length !== rows * columns) {
      this.find('INCONSISTENT', call, `${pixels.length} pixels of ${rows} x ${columns}`);
    }
    const [low, high] = image.kind === 'hu' ? [-1024, 3071] : [0, 2 ** image.bits - 1];
    const bad = pixels.findIndex((value) => !(value >= low && value <= high));
    if (bad !== -1) this.find('INCONSISTENT', call, `pixel ${bad} is ${pixels[bad]}`);
  }

  /** What is said of a file holds no word out of it. */
  discreet(call: string, said: unknown): void {
    if ((JSON.stringify(said) ?? '').includes(CANARY)) {
      this.find('CANARY', call, 'a text holds what a patient may be called');
    }
  }

  private refused(name: string, error: unknown): void {
    this.discreet(name, wordsOf(error));
    const code = error instanceof ImagingError ? error.code : undefined;
    this.outcomes.push(`${name} ${code ?? 'no code'}`);
    if (code !== undefined && Object.hasOwn(IMAGING_CODES, code)) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.find('CODE', name, text.replaceAll(CANARY, '(canary)').slice(0, 1000));
  }
}

/** The message, and those of the causes, as a log would write them. */
function wordsOf(error: unknown): readonly string[] {
  const words: string[] = [];
  let at = error;
  while (at instanceof Error && words.length < 8) {
    words.push(at.message, JSON.stringify(at));
    at = at.cause;
  }
  return words;
}
