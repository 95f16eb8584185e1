/** OpenJPEG's decoder as WebAssembly: its own sources, the files of `imaging/openjpeg`, and a compiler out of a wheel. */
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ensureTool, verifySha256 } from '../cache.ts';
import { run } from '../run.ts';
import { fetchWheel, unpackWheel, type Wheel } from './wheel.ts';

/**
 * The decoder, built first where it is not cached yet. The same bytes in every folder: what imaging ships is this file.
 *
 * @returns absolute path of `openjpeg.wasm`
 */
export async function openjpegWasm(): Promise<string> {
  const dir = await ensureTool({
    name: 'openjpeg-wasm',
    version: `2.5.4-${await digest()}`,
    cost: '103 MB download, about 40 s build, 0.2 MB kept',
    make: async (scratch) => {
      await build(scratch);
      for (const entry of await readdir(scratch)) {
        if (entry !== WASM) await rm(join(scratch, entry), { recursive: true });
      }
    },
  });
  return join(dir, WASM);
}

const WASM = 'openjpeg.wasm';
// Another room's files, not an import.
const OURS = resolve(import.meta.dirname, '../../../imaging/openjpeg');

// pylibjpeg-openjpeg's source archive carries OpenJPEG 2.5.4 unchanged.
const SDIST = {
  name: 'pylibjpeg_openjpeg-2.6.0',
  requirement: 'pylibjpeg-openjpeg==2.6.0',
  sha256: 'ee6630c860263f34088c60b98bb343b1649b78d1299fe9a5c7ef60b88c6626ff',
};

const ZIG: Readonly<Record<string, Wheel>> = {
  'linux-x64': {
    requirement: 'ziglang==0.17.1',
    sha256: 'ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54',
    pipArgs: ['--platform=manylinux2010_x86_64'],
  },
  'linux-arm64': {
    requirement: 'ziglang==0.17.1',
    sha256: 'b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e',
    pipArgs: ['--platform=manylinux2014_aarch64'],
  },
};

// No JP2, no encoder, no high throughput, no files: only what decodes a codestream.
const PARTS = 'bio cio dwt function_list image invert j2k mct pi sparse_array t1 t2 tcd tgt thread'.split(
  ' ',
);

const COMPILE = [
  'cc',
  '-target',
  'wasm32-wasi',
  '-mcpu=generic+simd128+bulk_memory+nontrapping_fptoint+sign_ext',
  '-O3',
  // No name of a folder, so that the same bytes come out of every one.
  '-g0',
  '-w',
  '-I.',
  '-DNDEBUG',
  '-DOPJ_STATIC',
  '-DMUTEX_stub',
  '-Dgetenv=no_environment',
  '-include',
  'rounding.h',
  // OpenJPEG has paths for SSE2; imaging/openjpeg/simd says them in WebAssembly's words.
  '-D__SSE__',
  '-D__SSE2__',
  '-Isimd',
];
const LINK = [
  '-mexec-model=reactor',
  '-s',
  '-Wl,--import-memory',
  '-Wl,--initial-memory=2097152',
  '-Wl,--max-memory=1073741824',
  '-Wl,-z,stack-size=1048576',
  '-o',
  WASM,
];

const BUILD_MS = 10 * 60_000;

/** What the bytes depend on. */
async function digest(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([SDIST, ZIG, PARTS, COMPILE, LINK]));
  for (const file of await sources()) hash.update(`\0${file}\0`).update(await readFile(join(OURS, file)));
  return hash.digest('hex').slice(0, 10);
}

async function sources(): Promise<readonly string[]> {
  const files = await readdir(OURS, { recursive: true });
  return files.filter((file) => /\.[ch]$/.test(file)).toSorted();
}

async function build(scratch: string): Promise<void> {
  const zig = await compiler(scratch);
  const upstream = await openjpegSources(scratch);
  const dir = join(scratch, 'build');
  await mkdir(join(dir, 'simd'), { recursive: true });
  const headers = (await readdir(upstream)).filter((file) => file.endsWith('.h') && file !== 'mqc_inl.h');
  for (const file of [...headers, ...PARTS.map((part) => `${part}.c`)]) {
    await cp(join(upstream, file), join(dir, file));
  }
  // Ours last: mqc.h is there twice.
  const ours = await sources();
  for (const file of ours) await cp(join(OURS, file), join(dir, file));
  // What their CMake finds out of a system; nothing of it applies.
  for (const file of ['opj_config.h', 'opj_config_private.h']) await writeFile(join(dir, file), '');
  const options = {
    cwd: dir,
    timeoutMs: BUILD_MS,
    env: {
      ZIG_LOCAL_CACHE_DIR: join(scratch, 'zig-local'),
      ZIG_GLOBAL_CACHE_DIR: join(scratch, 'zig-global'),
    },
  };
  const files = [...PARTS.map((part) => `${part}.c`), ...ours.filter((file) => file.endsWith('.c'))];
  await run(zig, [...COMPILE, ...files.toSorted(), ...LINK], options);
  await cp(join(dir, WASM), join(scratch, WASM));
  await chmod(join(scratch, WASM), 0o644);
}

async function compiler(scratch: string): Promise<string> {
  const wheel = ZIG[`${process.platform}-${process.arch}`];
  if (wheel === undefined) {
    throw new Error(`no compiler is pinned for ${process.platform} on ${process.arch}; build it on Linux`);
  }
  const dir = join(scratch, 'zig');
  await unpackWheel(await fetchWheel(wheel, dir), ['ziglang/zig', 'ziglang/lib/'], dir);
  const zig = join(dir, 'ziglang/zig');
  await chmod(zig, 0o755);
  return zig;
}

/** The folder of OpenJPEG's library. */
async function openjpegSources(scratch: string): Promise<string> {
  const dir = join(scratch, 'sdist');
  await mkdir(join(dir, 'poetry/core/masonry'), { recursive: true });
  // To download a source archive pip wants its metadata, for which it runs the archive's build system (and installs
  // that first). It gets this one, so nothing of the archive runs before its digest is checked, or after.
  await writeFile(join(dir, 'poetry/core/masonry/api.py'), METADATA);
  const args = ['download', '--quiet', '--no-deps', '--no-binary=:all:', '--no-build-isolation'];
  await run(
    'python3',
    ['-m', 'pip', ...args, '--disable-pip-version-check', '--dest', dir, SDIST.requirement],
    {
      env: { PYTHONPATH: dir },
      timeoutMs: BUILD_MS,
    },
  );
  const archive = join(dir, `${SDIST.name}.tar.gz`);
  await verifySha256(archive, SDIST.sha256);
  const library = `${SDIST.name}/lib/openjpeg/src/lib/openjp2`;
  await run('tar', ['-xzf', archive, '-C', dir, library]);
  return join(dir, library);
}

const METADATA = `
import os
def prepare_metadata_for_build_wheel(into, settings=None):
    folder = os.path.join(into, "${SDIST.name}.dist-info")
    os.mkdir(folder)
    with open(os.path.join(folder, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: pylibjpeg-openjpeg\\nVersion: 2.6.0\\n")
    return os.path.basename(folder)
`;
