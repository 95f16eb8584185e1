/** Every server of the bench: how it is started, and how it is asked. */
import { join, resolve } from 'node:path';
import { type EnvironmentName, peerVenv } from './environments.ts';
import type { Program } from './processes.ts';
import {
  type Dialect,
  type Kind,
  type Payloads,
  json,
  nested,
  raw,
  upload,
  v2Binary,
  v2Json,
  v2Png,
} from './requests.ts';

export interface Peer {
  readonly name: string;
  /** What is measured, in words for the table. */
  readonly what: string;
  readonly program: (place: Place) => Promise<Program>;
  readonly dialects: Partial<Record<Kind, Dialect>>;
  /** Its answers are of our own preprocessing, whose resize differs from PIL's. */
  readonly isOurs: boolean;
}

export interface Place {
  /** The package of the model: model.onnx and tfjs/ in it are the same network. */
  readonly model: string;
  readonly port: number;
  readonly log: string;
  readonly scratch: string;
}

const REPOSITORY = resolve(import.meta.dirname, '../..');
const PEERS = join(import.meta.dirname, 'peers');
// A package from a folder is served by the folder's name, and the packages of the bench are all called that.
const V2 = '/v2/models/bench/infer';

/** Our own server on a package, with further settings by the environment. */
export function ours(
  name: string,
  what: string,
  payloads: Payloads,
  settings: Readonly<Record<string, string>> = {},
): Peer {
  const probabilities = at('outputs', 0, 'data', 1);
  return {
    name,
    what,
    isOurs: true,
    program: async ({ model, port, log, scratch }) => ({
      command: process.execPath,
      // As the image starts it.
      args: ['--max-semi-space-size=2', join(REPOSITORY, 'server/src/main.ts')],
      env: {
        NODE_ENV: 'production',
        HILUM_MODEL_URI: model,
        HILUM_HOST: '127.0.0.1',
        HILUM_PORT: String(port),
        ...settings,
      },
      cwd: scratch,
      log,
    }),
    dialects: {
      png: raw('/v1/classify', payloads, at('decision', 'raw', 'malignant')),
      json: v2Json(V2, payloads, probabilities),
      binary: v2Binary(V2, payloads, 'probabilities', probabilities),
    },
  };
}

export function peers(payloads: Payloads): readonly Peer[] {
  const { pngs, tensors, side } = payloads;
  const uploaded = upload('/predict', payloads, at('probability'));
  const tensorIn = (path: string, read: Dialect['read']) => ({
    json: v2Json(path, payloads, read),
    binary: v2Binary(path, payloads, 'p', read),
  });
  const v2Answer = at('outputs', 0, 'data', 0);
  const base64 = pngs.map((png) => png.toString('base64'));
  const nestedTensors = tensors.map((tensor) => ({ inputs: [nested(tensor, side)] }));
  const fastapi = (name: string, what: string, env: Record<string, string>): Peer =>
    python(
      name,
      what,
      'fastapi',
      uvicorn('fastapi_onnx:app'),
      { png: uploaded, ...tensorIn(V2, v2Answer) },
      env,
    );
  return [
    fastapi('fastapi-2x1', 'FastAPI, onnxruntime, 2 runs x 1 thread', { WORKERS: '2', ORT_THREADS: '1' }),
    fastapi('fastapi-1x2', 'FastAPI, onnxruntime, 1 run x 2 threads', { WORKERS: '1', ORT_THREADS: '2' }),
    fastapi('fastapi-batch8', 'FastAPI, onnxruntime, batches up to 8', { BATCH: '8' }),
    python('fastapi-keras', 'FastAPI, Keras model.predict', 'keras', uvicorn('fastapi_keras:app'), {
      png: uploaded,
    }),
    python(
      'mlserver',
      'MLServer',
      'mlserver',
      () => ['-c', 'from mlserver.cli import main; main()', 'start', join(PEERS, 'mlserver')],
      {
        png: json(
          V2,
          base64.map((data) => ({
            inputs: [{ name: 'image', shape: [1, 1], datatype: 'BYTES', data: [data] }],
          })),
          v2Answer,
        ),
        json: v2Json(V2, payloads, v2Answer),
      },
    ),
    python(
      'bentoml',
      'BentoML',
      'bentoml',
      (port) =>
        `-m bentoml serve bento:Bench --working-dir ${PEERS} --host 127.0.0.1 --port ${port}`.split(' '),
      {
        png: upload('/png', payloads, at(0), 'images'),
        json: json('/tensor', nestedTensors, at(0, 0)),
      },
    ),
    python(
      'kserve',
      "KServe's server",
      'kserve',
      (port) => [join(PEERS, 'kserve_server.py'), `--http_port=${port}`],
      {
        png: json(
          '/v1/models/bench:predict',
          base64.map((b64) => ({ instances: [{ image: { b64 } }] })),
          at('predictions', 0),
        ),
        ...tensorIn(V2, v2Answer),
      },
    ),
    python('ray', 'Ray Serve', 'ray', () => [join(PEERS, 'ray_server.py')], {
      png: uploaded,
      ...tensorIn(V2, at('probability')),
    }),
    python('litserve', 'LitServe', 'litserve', () => [join(PEERS, 'litserve_server.py')], {
      png: uploaded,
      json: v2Json('/predict', payloads, at('probability')),
    }),
    python('pytriton', 'pytriton (Triton)', 'pytriton', () => [join(PEERS, 'triton_server.py')], {
      png: v2Png('/v2/models/png/infer', payloads, 'p', v2Answer),
      ...tensorIn(V2, v2Answer),
    }),
    python('mlflow', 'mlflow models serve', 'mlflow', undefined, {
      json: json('/invocations', nestedTensors, at('predictions', 'probabilities', 0, 1)),
    }),
  ];
}

function uvicorn(app: string): (port: number) => readonly string[] {
  return (port) =>
    `-m uvicorn --app-dir ${PEERS} --host 127.0.0.1 --port ${port} --workers 1 --no-access-log ${app}`.split(
      ' ',
    );
}

/** A peer in Python; without arguments it is mlflow's own server, which takes the package as it is. */
function python(
  name: string,
  what: string,
  environment: EnvironmentName,
  args: ((port: number) => readonly string[]) | undefined,
  dialects: Peer['dialects'],
  env: Readonly<Record<string, string>> = {},
): Peer {
  return {
    name,
    what,
    isOurs: false,
    dialects,
    program: async ({ model, port, log, scratch }) => {
      const venv = await peerVenv(environment);
      return {
        command: venv.python,
        args: args?.(port) ?? [
          '-m',
          'mlflow',
          'models',
          'serve',
          '-m',
          model,
          '--env-manager',
          'local',
          '-p',
          String(port),
          '-w',
          '1',
        ],
        env: {
          ...COMMON,
          PATH: `${join(venv.dir, 'bin')}:${process.env['PATH'] ?? ''}`,
          PYTHONPATH: PEERS,
          PEERS_DIR: PEERS,
          PORT: String(port),
          BENCH_MODEL: join(model, 'model.onnx'),
          BENCH_TFJS: join(model, 'tfjs'),
          MLSERVER_HTTP_PORT: String(port),
          MLSERVER_GRPC_PORT: String(port + 1),
          MLSERVER_METRICS_PORT: String(port + 2),
          MLSERVER_METRICS_DIR: scratch,
          MLSERVER_ENVIRONMENTS_DIR: join(scratch, 'environments'),
          ...env,
        },
        cwd: scratch,
        log,
      };
    },
  };
}

const COMMON = {
  OMP_NUM_THREADS: '2',
  PYTHONDONTWRITEBYTECODE: '1',
  BENTOML_DO_NOT_TRACK: 'True',
  MLSERVER_HOST: '127.0.0.1',
  MLSERVER_PARALLEL_WORKERS: '1',
  MLSERVER_DEBUG: 'false',
};

/** What lies at a path of keys and indexes; undefined where there is nothing. */
function at(...path: readonly (string | number)[]): (answer: unknown) => unknown {
  return (answer) =>
    path.reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null ? Reflect.get(value, String(key)) : undefined,
      answer,
    );
}
