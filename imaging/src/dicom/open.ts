import { ImagingError } from '../errors.ts';
import type { HuImage } from '../image.ts';
import type { SliceFacts } from './facts.ts';
import type { Inspection } from './inspect.ts';
import { checkLimit } from './limits.ts';
import { forgetInWorkers, runInWorker } from './pool.ts';
import type { Patience } from './pool.ts';

/** `timeoutMs` (default 10 s) bounds the work on one file or frame, not its wait for a free thread. */
export type DecodeOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
};

/** A DICOM file whose frames are decoded one by one, as they are asked for. */
export type DicomFile = {
  /** One per frame, in the file's order. */
  readonly facts: readonly SliceFacts[];
  /**
   * Frame `n`, from 1, in Hounsfield units: rows × columns, clipped to [-1024, 3071]. Rejects with ImagingError: NOT_CT,
   * LOCALIZER, PIXEL_FORMAT_UNSUPPORTED, HU_UNKNOWN, LOSSY_TOO_STRONG, or what the decoder finds.
   */
  frame(n: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<HuImage>;
  /** Lets go of the file's bytes; frames asked for later reject. */
  close(): void;
};

const TIMEOUT_MS = 10_000;
// A slice takes some 30 ms in the slowest syntax; an inspection decodes all of them.
const TIMEOUT_PER_FRAME_MS = 500;
const PREAMBLE_BYTES = 128;
const PREFIX = Buffer.from('DICM');

let opened = 0;

/** Whether the bytes are a Part 10 file (PS3.10 7.1); what lacks preamble and prefix is taken for no DICOM. */
export function isPart10(bytes: Uint8Array): boolean {
  return PREFIX.every((byte, k) => bytes[PREAMBLE_BYTES + k] === byte);
}

/**
 * What the header of a DICOM file says, one entry per frame. No pixel is decoded and no modality refused. Rejects
 * with ImagingError where the bytes are no DICOM image that is read, or exceed a limit; an abort with its reason.
 */
export async function readFacts(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Promise<readonly SliceFacts[]> {
  checkFile(bytes);
  const result = await runInWorker({ task: 'facts', file: bytes }, patienceOf(options));
  if (result.kind !== 'facts') throw outOfTurn();
  return result.facts;
}

/**
 * Opens a DICOM file of one or more frames. Its bytes are copied once, into memory that the decoding threads share;
 * close it. `timeoutMs` holds for reading the header and for each frame. Rejects as readFacts.
 */
export async function openDicom(bytes: Uint8Array, options: DecodeOptions = {}): Promise<DicomFile> {
  checkFile(bytes);
  opened += 1;
  const id = opened;
  let file: Uint8Array | undefined = new Uint8Array(new SharedArrayBuffer(bytes.length));
  file.set(bytes);
  const opening = await runInWorker({ task: 'open', id, file }, patienceOf(options)).catch(
    (error: unknown) => {
      forgetInWorkers(id);
      throw error;
    },
  );
  if (opening.kind !== 'facts') throw outOfTurn();
  const { facts } = opening;
  return {
    facts,
    async frame(n, { signal } = {}) {
      if (file === undefined) throw new Error('the DICOM file is closed');
      if (!Number.isInteger(n) || n < 1 || n > facts.length) {
        throw new RangeError(`the file has frames 1 to ${facts.length}, not ${n}`);
      }
      const patience = patienceOf({ ...options, signal: signal ?? options.signal });
      try {
        const result = await runInWorker({ task: 'frame', id, file, frame: n }, patience);
        if (result.kind !== 'image') throw outOfTurn();
        return result.image;
      } finally {
        // Closed meanwhile: a thread may have taken the file up after it was told to forget it.
        if (file === undefined) forgetInWorkers(id);
      }
    },
    close() {
      file = undefined;
      forgetInWorkers(id);
    },
  };
}

/**
 * Decodes all frames of a DICOM file, of any modality, and says what they hold; refuses only what does not decode.
 * Unless `timeoutMs` is given, every frame after the first adds half a second to it. Rejects as readFacts.
 */
export async function inspectDicom(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Inspection> {
  const timeoutMs = options.timeoutMs ?? (await timeoutFor(bytes, options));
  checkFile(bytes);
  const result = await runInWorker({ task: 'inspect', file: bytes }, { ...options, timeoutMs });
  if (result.kind !== 'inspection') throw outOfTurn();
  return result.inspection;
}

async function timeoutFor(bytes: Uint8Array, options: DecodeOptions): Promise<number> {
  const { length: frames } = await readFacts(bytes, options);
  return TIMEOUT_MS + (frames - 1) * TIMEOUT_PER_FRAME_MS;
}

/** The one slice of a DICOM file; see decodeImage. */
export async function decodeDicom(bytes: Uint8Array, options: DecodeOptions): Promise<HuImage> {
  checkFile(bytes);
  const result = await runInWorker({ task: 'slice', file: bytes }, patienceOf(options));
  if (result.kind !== 'image') throw outOfTurn();
  return result.image;
}

/** Before the bytes are copied. */
function checkFile(bytes: Uint8Array): void {
  if (!isPart10(bytes)) throw new ImagingError('NOT_AN_IMAGE');
  checkLimit('fileBytes', bytes.length, 'bytes');
}

function patienceOf({ signal, timeoutMs = TIMEOUT_MS }: DecodeOptions): Patience {
  return { signal, timeoutMs };
}

function outOfTurn(): Error {
  return new Error('the decoding thread answered another question');
}
