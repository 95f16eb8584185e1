/**
 * The native half of tfjs-node: libtensorflow and the Node addon over it.
 *
 * The package's own install script fetches both from hosts that an air-gapped machine cannot reach, and an older
 * libtensorflow (2.9.1). We take libtensorflow from the PyPI wheel of TensorFlow and compile the addon, whose
 * source the npm package carries, with one call of g++. Made once a machine; `npm ci` only loses two links.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ensureTool } from '../cache.ts';
import { run } from '../run.ts';
import { unpackCuda } from './cuda.ts';
import { fetchWheel, unpackWheel, type Wheel } from './wheel.ts';

/**
 * Makes `@tensorflow/tfjs-node` loadable in this checkout. Idempotent; a few milliseconds when it is done already,
 * and puts back what `npm ci` removed.
 *
 * @param options.into folder of the installed npm package; default the checkout's
 */
export async function installTensorflow(options: { readonly into?: string } = {}): Promise<void> {
  const native = await nativeTensorflowDir();
  for (const name of ['deps', 'lib']) await link(join(native, name), join(options.into ?? TFJS_NODE, name));
}

/**
 * The cached native files of the GPU engine, laid out in the same way, with CUDA in `deps/nvidia`. Made only when it
 * is asked for: by `npm run images -- --gpu`. The addon is that of the CPU engine, byte for byte: the source is the
 * same in both npm packages, and so is the C API of both wheels.
 *
 * @returns absolute path
 */
export async function nativeTensorflowGpuDir(): Promise<string> {
  const cpu = await nativeTensorflowDir();
  return ensureTool({
    name: 'libtensorflow-gpu',
    version: `${TENSORFLOW_VERSION}-addon${await addonVersion()}`,
    cost: '2.1 GB download, 3.4 GB on disk',
    make: (dir, say) => makeGpu(cpu, dir, say),
  });
}

/**
 * The cached native files, laid out as in the npm package: `deps/lib/libtensorflow_*.so.2` and
 * `lib/napi-v8/tfjs_binding.node`. Copy both folders over `node_modules/@tensorflow/tfjs-node` to make an image.
 *
 * @returns absolute path
 */
export async function nativeTensorflowDir(): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `the native TensorFlow engine is made for Linux on x86_64; this machine is ${process.platform} ${process.arch}. ` +
        'Use an x86_64 Linux machine, virtual machine or container',
    );
  }
  if (!existsSync(join(TFJS_NODE, 'package.json'))) {
    throw new Error(`${TFJS_NODE} is missing; run npm ci`);
  }
  return ensureTool({
    name: 'libtensorflow',
    version: `${TENSORFLOW_VERSION}-addon${await addonVersion()}`,
    cost: '207 MB download, about half a minute of compiling, 615 MB on disk',
    make: makeNative,
  });
}

const TENSORFLOW_VERSION = '2.15.1';

// Wheels from 2.15.1 on carry libtensorflow_cc; this is the smallest of them. The Python of the tag does not
// matter, only the libraries inside are used.
const CPU_WHEEL = tensorflowWheel(
  'tensorflow-cpu',
  '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
);
const GPU_WHEEL = tensorflowWheel(
  'tensorflow',
  'bb0edd69103c154245c5f209f0507355cc68ba7e4de350084bc31edc562478e4',
);

function tensorflowWheel(name: string, sha256: string): Wheel {
  const pipArgs = ['--python-version=311', '--implementation=cp', '--abi=cp311'];
  return {
    requirement: `${name}==${TENSORFLOW_VERSION}`,
    sha256,
    pipArgs: [...pipArgs, '--platform=manylinux_2_17_x86_64'],
  };
}

const TFJS_NODE = resolve(import.meta.dirname, '../../../node_modules/@tensorflow/tfjs-node');

/** The addon's source is the npm package's, so its version names the cache folder too. */
async function addonVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(TFJS_NODE, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

async function makeNative(dir: string, say: (line: string) => void): Promise<void> {
  await requireCompiler();
  const scratch = await unpackTensorflow(CPU_WHEEL, dir, say);
  say('compiling the addon');
  await compileAddon(dir, join(scratch, 'tensorflow/include'));
  await rm(scratch, { recursive: true });
}

async function makeGpu(cpu: string, dir: string, say: (line: string) => void): Promise<void> {
  await rm(await unpackTensorflow(GPU_WHEEL, dir, say), { recursive: true });
  await cp(join(cpu, 'lib'), join(dir, 'lib'), { recursive: true });
  await unpackCuda(join(dir, 'deps/nvidia'), say);
}

/** Puts the libraries of a wheel in their place. @returns a folder with its headers, for the caller to remove */
async function unpackTensorflow(wheel: Wheel, dir: string, say: (line: string) => void): Promise<string> {
  const scratch = join(dir, 'scratch');
  say(`downloading ${wheel.requirement}`);
  const file = await fetchWheel(wheel, scratch);
  say('unpacking');
  await unpackWheel(file, [...LIBRARIES.map((name) => `tensorflow/${name}`), ...HEADERS], scratch);
  const libraries = join(dir, 'deps/lib');
  await mkdir(libraries, { recursive: true });
  for (const name of LIBRARIES) await rename(join(scratch, 'tensorflow', name), join(libraries, name));
  return scratch;
}

const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/** The C API and what its headers include; the rest of the wheel's 6,000 headers is not needed. */
const HEADERS = [
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/ctstring',
  'tensorflow/include/tsl/',
];

async function compileAddon(dir: string, tensorflowHeaders: string): Promise<void> {
  // tfjs-node looks in napi-v8 on every Node that is new enough, whatever process.versions.napi says.
  const out = join(dir, 'lib/napi-v8');
  await mkdir(out, { recursive: true });
  const flags = '-O2 -std=c++17 -fPIC -shared -s -DNAPI_VERSION=8 -DNODE_GYP_MODULE_NAME=tfjs_binding'.split(
    ' ',
  );
  const nodeHeaders = join(dirname(fileURLToPath(import.meta.resolve('node-api-headers'))), 'include');
  const includes = [nodeHeaders, tensorflowHeaders, TFJS_NODE].map((path) => `-I${path}`);
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(TFJS_NODE, 'binding', name));
  // The C++ runtime stays shared: libtensorflow needs it anyway, and a static one asks for a newer C library.
  const libraries = [`-L${join(dir, 'deps/lib')}`, ...LIBRARIES.map((name) => `-l:${name}`)];
  const place = ['-Wl,-rpath,$ORIGIN/../../deps/lib', '-o', join(out, 'tfjs_binding.node')];
  await run('g++', [...flags, ...includes, ...sources, ...libraries, ...place], { timeoutMs: 5 * 60_000 });
}

async function requireCompiler(): Promise<void> {
  const found = await run('g++', ['--version'], { allowFailure: true }).catch(() => undefined);
  if (found?.code === 0) return;
  throw new Error('g++ was not found; install a C++ compiler (Debian, Ubuntu: apt-get install g++)');
}

/** Points `place` at `target`, replacing whatever else is there. */
async function link(target: string, place: string): Promise<void> {
  if ((await readlink(place).catch(() => undefined)) === target) return;
  await rm(place, { recursive: true, force: true });
  await symlink(target, place).catch(async (error: NodeJS.ErrnoException) => {
    // A second set-up that runs at the same time may have made the same link.
    if (error.code !== 'EEXIST' || (await readlink(place)) !== target) throw error;
  });
}
