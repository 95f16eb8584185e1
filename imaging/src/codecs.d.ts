// The WASM builds ship no types; these are the parts that we call.
declare module '@cornerstonejs/codec-charls/decodewasmjs' {
  import type { CodecFactory } from '@hilum/imaging/codec-factory';
  const load: CodecFactory<'JpegLSDecoder'>;
  export default load;
}

declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs' {
  import type { CodecFactory } from '@hilum/imaging/codec-factory';
  const load: CodecFactory<'JPEGDecoder'>;
  export default load;
}

declare module '@cornerstonejs/codec-openjph' {
  import type { CodecFactory } from '@hilum/imaging/codec-factory';
  const load: CodecFactory<'HTJ2KDecoder'>;
  export default load;
}

declare module '@hilum/imaging/codec-factory' {
  export type CodecOptions = {
    readonly wasmBinary: Uint8Array;
    readonly print: (line: string) => void;
    readonly printErr: (line: string) => void;
  };

  /** An Emscripten build of one decoder. */
  export type CodecModule<Name extends string> = Readonly<Record<Name, new () => Decoder>> & {
    readonly HEAPU8: Uint8Array;
  };

  export type CodecFactory<Name extends string> = (options: CodecOptions) => Promise<CodecModule<Name>>;

  export type Decoder = {
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    /** A view of the codec's memory, or (CharLS) a copy of it. */
    getDecodedBuffer(): Uint8Array | Uint8ClampedArray;
    getFrameInfo(): {
      readonly width: number;
      readonly height: number;
      readonly bitsPerSample: number;
      readonly componentCount: number;
    };
    /** CharLS alone: 0 one component after the other, 1 by line and 2 by sample, which both decode to pixels. */
    getInterleaveMode?(): number;
    delete(): void;
  };
}
