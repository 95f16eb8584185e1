/** The decoding thread: takes the bytes of one file at a time, answers with the slice or the refusal. */
import { parentPort } from 'node:worker_threads';
import type { Transferable } from 'node:worker_threads';
import { ImagingError } from '../errors.ts';
import type { ImagingCode } from '../errors.ts';
import type { HuImage } from '../image.ts';
import { decodeCtSlice } from './hounsfield.ts';

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'image'; readonly image: HuImage }
  | { readonly kind: 'refused'; readonly code: ImagingCode; readonly message: string };

parentPort?.on('message', (file: Uint8Array) => {
  void decodeCtSlice(file).then(
    (image) => reply({ kind: 'image', image }, [image.pixels.buffer as ArrayBuffer]),
    (error: unknown) => reply(refusal(error), []),
  );
});
reply({ kind: 'ready' }, []);

function reply(answer: Answer, transfer: readonly Transferable[]): void {
  parentPort?.postMessage(answer, transfer);
}

function refusal(error: unknown): Answer {
  // What is no refusal of ours is a file that got past our checks (a stack too deep, an array too long).
  const known = error instanceof ImagingError ? error : new ImagingError('CORRUPT');
  return { kind: 'refused', code: known.code, message: known.message };
}
