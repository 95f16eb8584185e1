import { readFile } from 'node:fs/promises';
import { ImagingError } from '../errors.ts';
import type { FrameHeader } from './codestream.ts';
import { LIMITS } from './limits.ts';

type Openjpeg = { readonly wasm: Exports; readonly memory: WebAssembly.Memory };

// What imaging/openjpeg/wrapper.c exports. Addresses are in bytes; components count from 0.
type Exports = {
  /** 0 where there is no memory. */
  allocate(bytes: number): number;
  release(address: number): void;
  decode(address: number, bytes: number): number;
  components(): number;
  rows(component: number): number;
  columns(component: number): number;
  precision(component: number): number;
  signed(component: number): number;
  /** Address of rows × columns int32. */
  samples(component: number): number;
  /** Frees the image. */
  done(): void;
  _initialize(): void;
};

const BINARY = new URL('../../openjpeg/openjpeg.wasm', import.meta.url);
const PAGE_BYTES = 65_536;
// As the build declares it.
const INITIAL_PAGES = 32;
// WebAssembly's memory grows and never shrinks: what one file blew up is thrown away.
const KEPT_BYTES = 256 * 1024 * 1024;
const DECODED = 0;
const OUT_OF_MEMORY = 2;

let compiled: Promise<WebAssembly.Module> | undefined;
let kept: Openjpeg | undefined;

/**
 * Samples of a JPEG 2000 codestream (ISO/IEC 15444-1), row by row, colour by pixel, with the sign that the codestream
 * gives them. Throws CORRUPT where it does not decode to what `header` says, LIMIT_EXCEEDED where it asks for more
 * memory than a codec may have.
 */
export async function decodeJpeg2000(codestream: Uint8Array, header: FrameHeader): Promise<Int32Array> {
  const module = await (compiled ??= compile());
  const openjpeg = (kept ??= instantiate(module));
  // After a refusal or a trap its memory is in no known state; only what decoded to the end is used again.
  kept = undefined;
  const samples = decodeWith(openjpeg, codestream, header);
  if (openjpeg.memory.buffer.byteLength <= KEPT_BYTES) kept = openjpeg;
  return samples;
}

async function compile(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(BINARY));
}

function instantiate(module: WebAssembly.Module): Openjpeg {
  const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: LIMITS.codecBytes / PAGE_BYTES });
  const wasm = new WebAssembly.Instance<Exports>(module, { env: { memory } }).exports;
  wasm['_initialize']();
  return { wasm, memory };
}

function decodeWith(openjpeg: Openjpeg, codestream: Uint8Array, header: FrameHeader): Int32Array {
  const { wasm, memory } = openjpeg;
  try {
    const at = wasm.allocate(codestream.length);
    if (at === 0) throw new ImagingError('LIMIT_EXCEEDED');
    new Uint8Array(memory.buffer, at, codestream.length).set(codestream);
    const outcome = wasm.decode(at, codestream.length);
    if (outcome === OUT_OF_MEMORY) throw new ImagingError('LIMIT_EXCEEDED');
    if (outcome !== DECODED || !matches(wasm, header)) throw undecodable();
    const samples = samplesOf(openjpeg, header);
    wasm.done();
    wasm.release(at);
    return samples;
  } catch (error) {
    throw error instanceof ImagingError ? error : undecodable();
  }
}

function matches(wasm: Exports, header: FrameHeader): boolean {
  if (wasm.components() !== header.components) return false;
  for (let component = 0; component < header.components; component += 1) {
    const same =
      wasm.rows(component) === header.rows &&
      wasm.columns(component) === header.columns &&
      wasm.precision(component) === header.bits &&
      (wasm.signed(component) === 1) === header.signed;
    if (!same) return false;
  }
  return true;
}

function samplesOf({ wasm, memory }: Openjpeg, { rows, columns, components }: FrameHeader): Int32Array {
  const count = rows * columns;
  const plane = (component: number) => new Int32Array(memory.buffer, wasm.samples(component), count);
  if (components === 1) return plane(0).slice();
  const samples = new Int32Array(count * components);
  for (let component = 0; component < components; component += 1) {
    const from = plane(component);
    for (let at = 0; at < count; at += 1) samples[at * components + component] = from[at] ?? 0;
  }
  return samples;
}

function undecodable(): ImagingError {
  return new ImagingError('CORRUPT', 'The compressed frame does not decode.');
}
