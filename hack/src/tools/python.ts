/** Python tools of the tests and the demo, each in a virtual environment of its own in the cache. */
import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, ensureTool } from '../cache.ts';
import { run } from '../run.ts';

export interface Venv {
  /** Absolute path of the environment. Its `bin/` may be put on PATH. */
  readonly dir: string;
  /** Absolute path of its interpreter: run a tool as `python -m <module>`. */
  readonly python: string;
}

/** The real MLflow with onnx, onnxruntime and numpy: the tracking server, and plain Python that opens our packages. */
export function mlflowVenv(): Promise<Venv> {
  return pythonVenv(
    'mlflow',
    '3.17.2',
    requirements('mlflow.txt'),
    '300 MB download, 900 MB on disk, about 2 min',
  );
}

/** An MLflow as hosted services still run it, for the contract tests of the client; goes into no image. */
export function mlflow2Venv(): Promise<Venv> {
  return pythonVenv(
    'mlflow2',
    '2.7.1',
    requirements('mlflow2.txt'),
    '190 MB download, 750 MB on disk, about 1 min',
  );
}

/** The real DVC, with its S3 remote: `python -m dvc`. */
export function dvcVenv(): Promise<Venv> {
  return pythonVenv('dvc', '3.67.1', requirements('dvc.txt'), '75 MB download, 220 MB on disk, about 1 min');
}

/** moto, a stand-in for AWS; `startS3` runs it. */
export function motoVenv(): Promise<Venv> {
  return pythonVenv('moto', '5.2.5', requirements('moto.txt'), '35 MB download, 150 MB on disk, about 30 s');
}

/**
 * pydicom with the decoders of pylibjpeg, and highdicom: the peer of our decoder and the reader of what we write.
 * pylibjpeg-libjpeg is GPL-3.0, so this environment is for tests and bench/ alone and goes into no image.
 */
export function dicomVenv(): Promise<Venv> {
  return pythonVenv(
    'pydicom',
    '3.0.2',
    requirements('dicom.txt'),
    '70 MB download, 185 MB on disk, about 10 s',
  );
}

/** Optuna, the peer of search/ in its tests; goes into no image. */
export function optunaVenv(): Promise<Venv> {
  return pythonVenv(
    'optuna',
    '5.0.0',
    requirements('optuna.txt'),
    '25 MB download, 140 MB on disk, about 10 s',
  );
}

/**
 * TensorFlow for Python, of the version whose library our own engine loads, and Pillow: the peer of bench/trainer; goes
 * into no image. Its wheels are for Python 3.10 and 3.11 alone: `HILUM_PYTHON` names one where `python3` is newer.
 */
export function tensorflowVenv(): Promise<Venv> {
  return pythonVenv(
    'tensorflow',
    '2.15.1',
    requirements('tensorflow.txt'),
    '270 MB download, 1.2 GB on disk, about 1 min; Python 3.10 or 3.11',
  );
}

/** The clients of Triton and of KServe, which the server has to satisfy; goes into no image. */
export function clientsVenv(): Promise<Venv> {
  return pythonVenv(
    'clients',
    '2.73.0',
    requirements('clients.txt'),
    '75 MB download, 330 MB on disk, about 1 min',
  );
}

/** schemathesis, which holds the server to its OpenAPI document; goes into no image. */
export function schemathesisVenv(): Promise<Venv> {
  return pythonVenv(
    'schemathesis',
    '4.32.5',
    requirements('schemathesis.txt'),
    '15 MB download, 60 MB on disk, about 20 s',
  );
}

/**
 * A virtual environment with the packages of one requirements file, every one pinned by hash.
 *
 * The folder's name holds the tool's version and a hash of the file and of the interpreter, so that another Python
 * or a moved pin makes another environment instead of breaking this one.
 *
 * @param requirementsFile absolute path, as `hack/python/README.md` says how to make one
 * @param cost what the person who waits is told
 * @param command the Python it is made of; default `HILUM_PYTHON`, or the `python3` of the PATH
 */
export async function pythonVenv(
  name: string,
  version: string,
  requirementsFile: string,
  cost: string,
  command = process.env['HILUM_PYTHON'] ?? 'python3',
): Promise<Venv> {
  const base = await basePython(command);
  const hash = createHash('sha256')
    .update(await readFile(requirementsFile))
    .update(base.identity);
  const recipe = { name, version: `${version}-${hash.digest('hex').slice(0, 10)}`, cost };
  const place = join(cacheRoot(), `${recipe.name}-${recipe.version}`);
  const make = async (scratch: string): Promise<void> => {
    await run(base.command, ['-m', 'venv', '--prompt', name, scratch]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
    await run(join(scratch, 'bin', 'python'), [...pip, '--require-hashes', '-r', requirementsFile], {
      timeoutMs: 1_200_000,
    });
    await readdress(scratch, place);
  };
  const dir = await ensureTool({ ...recipe, make });
  return { dir, python: join(dir, 'bin', 'python') };
}

function requirements(file: string): string {
  return join(import.meta.dirname, '..', '..', 'python', file);
}

interface BasePython {
  readonly command: string;
  readonly identity: string;
}

async function basePython(command: string): Promise<BasePython> {
  const ask = 'import ensurepip, sys, venv; print(sys.version_info >= (3, 10), sys.version, sys.base_prefix)';
  const answer = await run(command, ['-c', ask], { allowFailure: true, timeoutMs: 30_000 }).catch(
    () => undefined,
  );
  if (answer === undefined) {
    throw new Error(`${command} is not there; install Python 3.10 or newer, or name one in HILUM_PYTHON`);
  }
  if (answer.code !== 0) {
    throw new Error(
      `${command} cannot make virtual environments; install its venv package (Debian: python3-venv)`,
    );
  }
  if (!answer.stdout.startsWith('True')) {
    throw new Error(`${command} is older than 3.10; install a newer Python, or name one in HILUM_PYTHON`);
  }
  return { command, identity: answer.stdout };
}

/**
 * Writes the final path into what venv and pip wrote with the scratch path: `activate` and the first lines of console
 * scripts. The interpreter itself finds its folder by `pyvenv.cfg` beside it, and needs nothing.
 */
async function readdress(scratch: string, place: string): Promise<void> {
  for (const entry of await readdir(join(scratch, 'bin'), { withFileTypes: true })) {
    if (!entry.isFile()) continue; // python itself is a link
    const path = join(scratch, 'bin', entry.name);
    const bytes = await readFile(path);
    if (!bytes.includes(scratch) || bytes.includes(0)) continue;
    await writeFile(path, bytes.toString().replaceAll(scratch, place));
  }
}
