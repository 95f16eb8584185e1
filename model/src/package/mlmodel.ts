import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { exampleInput } from './example.ts';
import { FILES, INTENDED_USE, type PackageMetadata } from './metadata.ts';

/**
 * The files that make a package an MLflow model for plain Python: `MLmodel` and the descriptions of its
 * environment and an example of its input, by path.
 *
 * @param onnx size and hex sha256 of the ONNX file
 */
export function mlflowFiles(
  metadata: PackageMetadata,
  onnx: { readonly bytes: number; readonly sha256: string },
): ReadonlyMap<string, string> {
  const example = exampleInput(metadata.contract.inputSize);
  return new Map([
    [FILES.mlmodel, yaml(mlmodel(metadata, onnx))],
    [FILES.requirements, `${REQUIREMENTS.join('\n')}\n`],
    [FILES.conda, yaml(CONDA)],
    [FILES.pythonEnv, yaml(PYTHON_ENV)],
    [FILES.example, JSON.stringify(example)],
    // The body that MLflow's server takes.
    [FILES.servingExample, JSON.stringify({ inputs: example })],
  ]);
}

// What the tests open the package with (hack/python/mlflow.txt).
const PYTHON_VERSION = '3.11.7';
const MLFLOW_VERSION = '3.17.2';
const ONNX_VERSION = '1.23.2';
const REQUIREMENTS = [
  `mlflow==${MLFLOW_VERSION}`,
  'numpy==2.4.6',
  `onnx==${ONNX_VERSION}`,
  'onnxruntime==1.32.0',
];

const CONDA = {
  name: 'mlflow-env',
  channels: ['conda-forge'],
  dependencies: [`python=${PYTHON_VERSION}`, 'pip', { pip: REQUIREMENTS }],
};

const PYTHON_ENV = {
  python: PYTHON_VERSION,
  build_dependencies: ['pip', 'setuptools', 'wheel'],
  dependencies: [`-r ${FILES.requirements}`],
};

function mlmodel(metadata: PackageMetadata, onnx: { bytes: number; sha256: string }): unknown {
  const { inputSize } = metadata.contract;
  return {
    artifact_path: 'model',
    flavors: {
      hilum_tfjs: {
        data: FILES.tfjs,
        contract: FILES.contract,
        labels: FILES.labels,
        manifest: FILES.manifest,
        code: null,
      },
      onnx: {
        data: FILES.onnx,
        onnx_version: ONNX_VERSION,
        onnx_session_options: null,
        providers: ['CPUExecutionProvider'],
        code: null,
      },
      // MLflow's own loader of ONNX models: no Python of ours is needed.
      python_function: {
        loader_module: 'mlflow.onnx',
        data: FILES.onnx,
        env: { conda: FILES.conda, virtualenv: FILES.pythonEnv },
        python_version: PYTHON_VERSION,
      },
    },
    metadata: { intended_use: INTENDED_USE, labels: metadata.labels, positive_label: metadata.positiveLabel },
    mlflow_version: MLFLOW_VERSION,
    model_size_bytes: onnx.bytes,
    // MLflow draws one at random; ours stands for the same thing, one saved model, and can be repeated.
    model_uuid: createHash('sha256')
      .update(`${metadata.createdAt} ${onnx.sha256}`)
      .digest('hex')
      .slice(0, 32),
    saved_input_example_info: {
      artifact_path: FILES.example,
      serving_input_path: FILES.servingExample,
      type: 'ndarray',
      format: 'tf-serving',
    },
    ...(metadata.run === undefined ? {} : { run_id: metadata.run.id }),
    signature: {
      // Without a name, so that pyfunc takes a plain array.
      inputs: tensorSpecs({ shape: [-1, inputSize, inputSize, 3] }),
      outputs: tensorSpecs({ name: 'probabilities', shape: [-1, metadata.labels.length] }),
      params: null,
    },
    utc_time_created: metadata.createdAt.replace('T', ' ').replace('Z', ''),
  };
}

/** Every text quoted: Python reads YAML 1.1, where a bare date is no text, and neither is a label that says "no". */
function yaml(value: unknown): string {
  return stringify(value, { defaultStringType: 'QUOTE_SINGLE', defaultKeyType: 'PLAIN', lineWidth: 0 });
}

function tensorSpecs({ name, shape }: { name?: string; shape: readonly number[] }): string {
  return JSON.stringify([
    { ...(name === undefined ? {} : { name }), type: 'tensor', 'tensor-spec': { dtype: 'float32', shape } },
  ]);
}
