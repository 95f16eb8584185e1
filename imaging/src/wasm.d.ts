/** The one part of WebAssembly's interface that is named here; Node's types leave it out. */
declare namespace WebAssembly {
  class Memory {
    constructor(pages: { readonly initial: number });
    readonly buffer: ArrayBuffer;
    /** By pages of 64 KiB; returns the pages before. */
    grow(pages: number): number;
  }
}
