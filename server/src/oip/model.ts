/** What the served model is, in the words of the Open Inference Protocol. */
import { temperatureOf } from '@hilum/model';
import { type ModelMetadata, NOTICE } from '@hilum/wire';
import packageJson from '../../package.json' with { type: 'json' };
import { ServerError } from '../errors.ts';
import type { ModelState, ServedModel } from '../readiness.ts';

/** The extensions are Triton's; of its model repository there is the index alone. */
export const SERVER = {
  name: 'hilum',
  version: packageJson.version,
  extensions: ['binary_tensor_data', 'model_repository_index'],
};

/** The names of the tensors. */
export const TENSORS = {
  /** The input of the network. */
  image: 'image',
  /** Files, which become that input by the preprocessing contract. */
  encoded: 'encoded',
  /** As the network gives them. */
  probabilities: 'probabilities',
  /** At the temperature that the package was fitted with; only there. */
  calibrated: 'calibrated',
} as const;

/** @throws ServerError MODEL_UNKNOWN */
export function assertModel(served: ServedModel, name: string, version: string | undefined): void {
  if (name !== served.name) throw new ServerError('MODEL_UNKNOWN', `the model here is ${served.name}`);
  if (version !== undefined && version !== served.version) {
    const own = served.version === null ? 'no version' : `version ${served.version}`;
    throw new ServerError('MODEL_UNKNOWN', `${served.name} has ${own} here`);
  }
}

export function outputNames({ info }: ServedModel): readonly string[] {
  const isCalibrated = temperatureOf(info.decision?.levels.image) !== null;
  return [TENSORS.probabilities, ...(isCalibrated ? [TENSORS.calibrated] : [])];
}

export function modelMetadata(served: ServedModel): ModelMetadata {
  const { info, engine } = served;
  const { inputSize } = info.contract;
  return {
    name: served.name,
    ...(served.version === null ? {} : { versions: [served.version] }),
    platform: PLATFORMS[engine.engine],
    // What a request has to have, as the protocol says; the other input that it may have instead is a parameter.
    inputs: [{ name: TENSORS.image, datatype: 'FP32', shape: [-1, inputSize, inputSize, 3] }],
    outputs: outputNames(served).map((name) => ({ name, datatype: 'FP32', shape: [-1, info.labels.length] })),
    parameters: {
      labels: info.labels.join(','),
      positive_label: info.positiveLabel,
      engine: engine.engine,
      engine_version: engine.version,
      precision: engine.precision,
      device: engine.device,
      digest: info.digest,
      contract: served.contract,
      instead_of_image: `${TENSORS.encoded} BYTES [-1]: image files`,
      notice: NOTICE,
    },
  };
}

const PLATFORMS = { onnxruntime: 'onnx_onnxv1', tensorflow: 'tensorflow_savedmodel', wasm: 'onnx_onnxv1' };

/** What there is to choose from: one model. Before it is known, nothing. */
export function repositoryIndex(
  state: ModelState,
  readyOnly: boolean,
): { name: string; version?: string; state: string; reason: string }[] {
  const { model } = state;
  const isReady = state.code === 'READY';
  if (model === undefined || (readyOnly && !isReady)) return [];
  return [
    {
      name: model.name,
      ...(model.version === null ? {} : { version: model.version }),
      state: isReady ? 'READY' : 'UNAVAILABLE',
      reason: isReady ? '' : state.message,
    },
  ];
}

/** @throws ServerError MODEL_NOT_READY while the model is on its way, or leaves */
export function assertReady(state: ModelState): void {
  if (state.code === 'READY') return;
  throw new ServerError('MODEL_NOT_READY', `${state.code}: ${state.message}`, { retryAfterSeconds: 5 });
}
