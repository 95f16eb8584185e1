// Encoders of the builds whose decoders we use; for tests alone.
declare module '@cornerstonejs/codec-charls/wasmjs' {
  import type { CodecOptions } from '@hilum/imaging/codec-factory';
  import type { Encoder } from '@hilum/imaging/encoder';
  type JpegLsEncoder = Encoder & {
    setNearLossless(near: number): void;
    setInterleaveMode(mode: number): void;
  };
  const load: (options: CodecOptions) => Promise<{ readonly JpegLSEncoder: new () => JpegLsEncoder }>;
  export default load;
}

declare module '@cornerstonejs/codec-openjpeg/wasmjs' {
  import type { CodecOptions } from '@hilum/imaging/codec-factory';
  import type { WaveletEncoder } from '@hilum/imaging/encoder';
  type Size = { readonly width: number; readonly height: number };
  type Jpeg2000Encoder = WaveletEncoder & {
    setDecompositions(levels: number): void;
    setBlockDimensions(size: Size): void;
    setTileSize(size: Size): void;
    setCompressionRatio(layer: number, ratio: number): void;
  };
  const load: (options: CodecOptions) => Promise<{ readonly J2KEncoder: new () => Jpeg2000Encoder }>;
  export default load;
}

declare module '@cornerstonejs/codec-openjph/wasmjs' {
  import type { CodecOptions } from '@hilum/imaging/codec-factory';
  import type { WaveletEncoder } from '@hilum/imaging/encoder';
  const load: (options: CodecOptions) => Promise<{ readonly HTJ2KEncoder: new () => WaveletEncoder }>;
  export default load;
}

declare module '@hilum/imaging/encoder' {
  export type EncoderInfo = {
    readonly width: number;
    readonly height: number;
    readonly bitsPerSample: number;
    readonly componentCount: number;
    readonly isSigned: boolean;
    readonly isUsingColorTransform: boolean;
  };

  export type Encoder = {
    getDecodedBuffer(info: EncoderInfo): Uint8Array;
    encode(): void;
    getEncodedBuffer(): Uint8Array;
    delete(): void;
  };

  export type WaveletEncoder = Encoder & {
    setQuality(lossless: boolean, quantizationStep: number): void;
    /** 0 LRCP, 1 RLCP, 2 RPCL, 3 PCRL, 4 CPRL. */
    setProgressionOrder(order: number): void;
  };
}
