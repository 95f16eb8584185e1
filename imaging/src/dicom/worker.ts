/** The decoding thread: takes one request at a time, answers with its result or the refusal. */
import { parentPort } from 'node:worker_threads';
import type { Transferable } from 'node:worker_threads';
import type { Contract } from '../contract.ts';
import { ImagingError } from '../errors.ts';
import type { ImagingCode } from '../errors.ts';
import type { HuImage } from '../image.ts';
import { prepared } from '../prepared.ts';
import type { Prepared } from '../prepared.ts';
import type { SliceFacts } from './facts.ts';
import { factsOf } from './frame-facts.ts';
import { cutFrames } from './frames.ts';
import type { Frames } from './frames.ts';
import { readHeader } from './header.ts';
import type { Header } from './header.ts';
import { decodeHu, decodeSlice } from './hounsfield.ts';
import { inspect } from './inspect.ts';
import type { Inspection } from './inspect.ts';
import { LIMITS } from './limits.ts';
import { capWasmMemory } from './wasm-memory.ts';

export type Request =
  /** `file` is the thread's own. */
  | { readonly task: 'facts' | 'slice' | 'inspect'; readonly file: Uint8Array }
  /** `file` is shared with every thread, and held under `id` until it is forgotten. */
  | { readonly task: 'open'; readonly id: number; readonly file: Uint8Array }
  | { readonly task: 'frame'; readonly id: number; readonly file: Uint8Array; readonly frame: number }
  | { readonly task: 'prepare'; readonly image: HuImage; readonly contract: Contract }
  | { readonly task: 'forget'; readonly id: number };

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'facts'; readonly facts: readonly SliceFacts[] }
  | { readonly kind: 'image'; readonly image: HuImage }
  | { readonly kind: 'prepared'; readonly prepared: Prepared }
  | { readonly kind: 'inspection'; readonly inspection: Inspection }
  | { readonly kind: 'refused'; readonly code: ImagingCode; readonly message: string };

/** The file whose frames are being asked for: its header is read and its frames are cut once. */
let held: Held | undefined;
type Held = { readonly id: number; readonly header: Header; frames?: Frames };

const memory = capWasmMemory(LIMITS.codecBytes);

parentPort?.on('message', (request: Request) => {
  if (request.task === 'forget') {
    if (held?.id === request.id) held = undefined;
    return;
  }
  void answerTo(request).then(
    (answer) => reply(answer, buffersOf(answer)),
    (error: unknown) => reply(refusal(error), []),
  );
});
reply({ kind: 'ready' }, []);

async function answerTo(request: Exclude<Request, { task: 'forget' }>): Promise<Answer> {
  memory.reset();
  if (request.task === 'open') return { kind: 'facts', facts: factsOf(hold(request).header) };
  if (request.task === 'frame') return { kind: 'image', image: await decodeHeld(request) };
  if (request.task === 'prepare')
    return { kind: 'prepared', prepared: prepared(request.image, request.contract) };
  const header = readHeader(request.file);
  if (request.task === 'facts') return { kind: 'facts', facts: factsOf(header) };
  if (request.task === 'slice') return { kind: 'image', image: await decodeSlice(header) };
  return { kind: 'inspection', inspection: await inspect(header) };
}

async function decodeHeld(request: Request & { task: 'frame' }): Promise<HuImage> {
  const current = hold(request);
  return decodeHu(current.header, request.frame, () => (current.frames ??= cutFrames(current.header)));
}

function hold({ id, file }: Request & { task: 'open' | 'frame' }): Held {
  const current = held?.id === id ? held : { id, header: readHeader(file) };
  held = current;
  return current;
}

/** What goes back without a copy. */
function buffersOf(answer: Answer): readonly ArrayBuffer[] {
  if (answer.kind === 'image') return [answer.image.pixels.buffer as ArrayBuffer];
  return answer.kind === 'prepared' ? [answer.prepared.tensor.buffer as ArrayBuffer] : [];
}

function reply(answer: Answer, transfer: readonly Transferable[]): void {
  parentPort?.postMessage(answer, transfer);
}

function refusal(error: unknown): Answer {
  // A codec that was denied memory fails in words of its own.
  if (memory.denied()) return { kind: 'refused', ...partsOf(new ImagingError('LIMIT_EXCEEDED')) };
  // What is no refusal of ours is a file that got past our checks (a stack too deep, an array too long).
  return { kind: 'refused', ...partsOf(error instanceof ImagingError ? error : new ImagingError('CORRUPT')) };
}

function partsOf({ code, message }: ImagingError) {
  return { code, message };
}
