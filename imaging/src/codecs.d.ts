// The two WASM builds ship no types; these are the parts that we call.
declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  import type { CodecFactory } from '@hilum/imaging/codec-factory';
  const load: CodecFactory<'J2KDecoder'>;
  export default load;
}

declare module '@cornerstonejs/codec-charls/decodewasmjs' {
  import type { CodecFactory } from '@hilum/imaging/codec-factory';
  const load: CodecFactory<'JpegLSDecoder'>;
  export default load;
}

declare module '@hilum/imaging/codec-factory' {
  /** An Emscripten build of one decoder. */
  export type CodecFactory<Name extends string> = (options: {
    readonly wasmBinary: Uint8Array;
    readonly print: (line: string) => void;
    readonly printErr: (line: string) => void;
  }) => Promise<Readonly<Record<Name, new () => Decoder>> & { readonly HEAPU8: Uint8Array }>;

  export type Decoder = {
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    getDecodedBuffer(): Uint8Array;
    getFrameInfo(): {
      readonly width: number;
      readonly height: number;
      readonly bitsPerSample: number;
      readonly componentCount: number;
    };
    delete(): void;
  };
}
