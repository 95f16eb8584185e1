/** pydicom in a process of its own; see peer.py. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { dicomVenv } from '@hilum/hack';
import { z } from 'zod';

export type Peer = {
  /** Keeps the file in the peer's memory under `id`; answers the decoding plugins that pydicom has for it. */
  load(id: string, file: Uint8Array): Promise<readonly string[]>;
  /** The DICOM file at `path` with another transfer syntax and the one codestream as its only frame. */
  wrap(path: string, syntax: string, codestream: Uint8Array): Promise<Uint8Array>;
  /** Stored values of all frames, colour by pixel. */
  pixels(id: string, plugin: string): Promise<Int32Array>;
  /** Milliseconds of each decoding, from bytes in memory to an array of stored values. */
  time(id: string, plugin: string, iterations: number): Promise<readonly number[]>;
  /** Milliseconds for all files in a row, to float32 Hounsfield units. */
  batch(ids: readonly string[], plugin: string): Promise<number>;
  versions(): Promise<Readonly<Record<string, string>>>;
  close(): void;
};

// The slowest request is some hundred slices at some hundred milliseconds each.
const ANSWER_TIMEOUT_MS = 120_000;

/** Environment of every Python process here: one thread, as on our side. */
export const ONE_THREAD = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', OPJ_NUM_THREADS: '1' };

export async function startPeer(): Promise<Peer> {
  const { python } = await dicomVenv();
  const child = spawn(python, ['-u', join(import.meta.dirname, 'peer.py')], {
    env: { ...process.env, ...ONE_THREAD },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  async function ask<T>(schema: z.ZodType<T>, request: Readonly<Record<string, unknown>>): Promise<T> {
    const timer = setTimeout(() => child.kill('SIGKILL'), ANSWER_TIMEOUT_MS);
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await lines.next();
    clearTimeout(timer);
    if (line.done === true) throw new Error(`pydicom ended, or gave no answer to ${String(request['task'])}`);
    const answer: unknown = JSON.parse(line.value);
    const failure = z.object({ error: z.string() }).safeParse(answer);
    if (failure.success) throw new Error(`pydicom: ${failure.data.error}`);
    return schema.parse(answer);
  }

  return {
    async load(id, file) {
      return (await ask(answers.plugins, { task: 'load', id, bytes: base64(file) })).plugins;
    },
    async wrap(path, syntax, codestream) {
      const request = { task: 'wrap', id: '', path, syntax, frame: base64(codestream) };
      return new Uint8Array(Buffer.from((await ask(answers.bytes, request)).bytes, 'base64'));
    },
    async pixels(id, plugin) {
      const { pixels } = await ask(answers.pixels, { task: 'pixels', id, plugin });
      return new Int32Array(new Uint8Array(Buffer.from(pixels, 'base64')).buffer);
    },
    async time(id, plugin, iterations) {
      return (await ask(answers.ms, { task: 'time', id, plugin, iterations })).ms;
    },
    async batch(ids, plugin) {
      return (await ask(answers.ms, { task: 'batch', ids, plugin })).ms[0] ?? Number.NaN;
    },
    async versions() {
      return (await ask(answers.versions, { task: 'versions' })).versions;
    },
    close() {
      child.stdin.end();
    },
  };
}

const answers = {
  plugins: z.object({ plugins: z.array(z.string()).min(1) }),
  bytes: z.object({ bytes: z.base64() }),
  pixels: z.object({ pixels: z.base64() }),
  ms: z.object({ ms: z.array(z.number()) }),
  versions: z.object({ versions: z.record(z.string(), z.string()) }),
};

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}
