const PAGE_BYTES = 65_536;

/**
 * Caps what any WebAssembly module of this thread may grow to: a thread's heap limit does not count that memory,
 * and the codecs are built to take up to 4 GiB. A denied module's malloc fails, and the codec with it.
 */
export function capWasmMemory(maxBytes: number) {
  const { prototype } = WebAssembly.Memory;
  // oxlint-disable-next-line typescript/unbound-method -- called on its memory, below
  const { grow } = prototype;
  let denied = false;
  prototype.grow = function capped(this: WebAssembly.Memory, pages: number): number {
    if (this.buffer.byteLength + pages * PAGE_BYTES > maxBytes) {
      denied = true;
      throw new RangeError('the codec asks for too much memory');
    }
    return grow.call(this, pages);
  };
  return {
    /** Whether memory was denied since the last reset. */
    denied: () => denied,
    reset: () => {
      denied = false;
    },
  };
}
