/** The parts of WebAssembly's interface that are used here; Node's types leave it out. */
declare namespace WebAssembly {
  class Memory {
    /** In pages of 64 KiB. */
    constructor(pages: { readonly initial: number; readonly maximum?: number });
    readonly buffer: ArrayBuffer;
    /** By pages of 64 KiB; returns the pages before. */
    grow(pages: number): number;
  }

  class Module {
    private constructor();
    readonly [Symbol.toStringTag]: 'WebAssembly.Module';
    static imports(module: Module): readonly { readonly module: string; readonly name: string }[];
  }

  function compile(binary: Uint8Array): Promise<Module>;

  /** Whoever names `Exports` answers for the module's having them. */
  class Instance<Exports> {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, Memory>>>>);
    readonly exports: Exports;
  }
}
