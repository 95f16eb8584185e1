/** How the answers are made; reported in metadata and metrics. */
export interface EngineFacts {
  readonly engine: 'onnxruntime' | 'tensorflow' | 'wasm';
  /** Of the engine's library. */
  readonly version: string;
  readonly precision: 'float32' | 'int8';
  readonly device: 'cpu' | 'gpu';
  /** Batches that are computed at the same time. */
  readonly lanes: number;
  /** Threads that compute: those of a batch which is alone; lanes that are busy together share them. */
  readonly threads: number;
  /** The most images of one batch; 1 where more would only cost memory. */
  readonly maxBatch: number;
  /** Why it is not what it should be, such as a fallback. */
  readonly warning?: string;
}
