/** An ONNX file in one of onnxruntime's forms, native or WebAssembly: both speak the same interface. */
import { readFile } from 'node:fs/promises';
import type { Activations, ActivationNames } from '@hilum/model';
import type { InferenceSession, Tensor, TensorConstructor, InferenceSessionFactory } from 'onnxruntime-node';
import type { Network } from './lane-thread.ts';
import type { LaneData } from './messages.ts';

/** The part of onnxruntime's module that is used. */
export interface Onnxruntime {
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

/** `settings` gives the session's options for a number of threads. */
export async function loadOnnxNetwork(
  { InferenceSession: sessions, Tensor: Tensors }: Onnxruntime,
  data: LaneData,
  version: string,
  settings: (threads: number) => InferenceSession.SessionOptions,
): Promise<Network> {
  const { names } = data;
  const open = async (threads: number): Promise<InferenceSession> =>
    data.isPrepared
      ? sessions.create(data.file, settings(threads))
      : sessions.create(await bytesOf(data), settings(threads));
  let session = await open(data.threads);
  let { threads } = data;
  const side = sideOf(session);
  return {
    version,
    device: 'cpu',
    infer: async (batch, n, wantsActivations) => {
      if (wantsActivations && names === undefined) {
        throw new RangeError('this network has no maps that an explanation could be made of');
      }
      const fetches = ['probabilities', ...(wantsActivations && names ? [names.features, names.maps] : [])];
      const results = await session.run({ image: new Tensors(batch, [n, side, side, 3]) }, fetches);
      const probabilities = floats(results['probabilities']);
      if (!wantsActivations || names === undefined) return { probabilities };
      return { probabilities, activations: activationsOf(results, names) };
    },
    resize: async (wanted) => {
      if (wanted === threads) return;
      // First the old one goes: two at a time would need the memory of both.
      await session.release();
      session = await open(wanted);
      threads = wanted;
    },
    close: async () => session.release(),
  };
}

async function bytesOf({ file, extra }: LaneData): Promise<Uint8Array> {
  const bytes = await readFile(file);
  return extra === undefined ? bytes : Buffer.concat([bytes, extra]);
}

function sideOf({ inputMetadata: [input] }: InferenceSession): number {
  const side = input?.isTensor === true ? input.shape[1] : undefined;
  if (typeof side === 'number') return side;
  throw new RangeError('the ONNX file does not take images of one size');
}

function activationsOf(
  results: InferenceSession.OnnxValueMapType,
  { features, maps, views }: ActivationNames,
): Activations {
  const [, channels = 0, side = 0] = tensor(results[maps]).dims;
  return { features: floats(results[features]), maps: floats(results[maps]), channels, side, views };
}

/** A copy: the library's own memory cannot move to another thread. */
function floats(value: unknown): Float32Array {
  const { data } = tensor(value);
  if (data instanceof Float32Array) return data.slice();
  throw new RangeError('the ONNX file does not answer with float32');
}

function tensor(value: unknown): Tensor {
  if (typeof value === 'object' && value !== null && 'dims' in value) return value as Tensor;
  throw new RangeError('the ONNX file lacks an output');
}
