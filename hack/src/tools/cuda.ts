/**
 * The CUDA libraries that TensorFlow 2.15.1 loads on a GPU, from NVIDIA's wheels on PyPI.
 *
 * Versions are those of `tensorflow[and-cuda]==2.15.1`. Left out of that set: nccl (a static one is inside
 * libtensorflow), curand (TensorFlow has no use of it) and cupti (the profiler's). The driver's own library,
 * libcuda.so.1, belongs to the node and is put into the container by NVIDIA's container toolkit.
 *
 * The files are under NVIDIA's licences, which travel with them in `licenses/`: to hand on an image that holds them
 * is to redistribute them.
 */
import { chmod, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchWheel, unpackWheel } from './wheel.ts';

/** Fills `dir`, `deps/nvidia` beside libtensorflow's `deps/lib`, whose RUNPATH is `$ORIGIN/../nvidia/<part>/lib`. */
export async function unpackCuda(dir: string, say: (line: string) => void): Promise<void> {
  await mkdir(join(dir, 'licenses'), { recursive: true });
  for (const part of PARTS) {
    const scratch = join(dir, 'scratch');
    const requirement = `nvidia-${part.name.replaceAll('_', '-')}-cu12==${part.version}`;
    say(`downloading ${requirement}`);
    const wheel = await fetchWheel({ requirement, sha256: part.sha256, pipArgs: PIP_ARGS }, scratch);
    const info = `nvidia_${part.name}_cu12-${part.version}.dist-info/License.txt`;
    const wanted = part.files ?? ['lib/lib'];
    await unpackWheel(wheel, [...wanted.map((path) => `nvidia/${part.name}/${path}`), info], scratch);
    await rename(join(scratch, 'nvidia', part.name), join(dir, part.folder ?? part.name));
    await rename(join(scratch, info), join(dir, 'licenses', `${part.name}.txt`));
    await rm(scratch, { recursive: true });
  }
  // A wheel's installer would have done the one; nobody does the other, though cuDNN asks for the name without a version.
  await chmod(join(dir, 'cuda_nvcc/bin/ptxas'), 0o755);
  await symlink('libnvrtc.so.12', join(dir, 'nvrtc/lib/libnvrtc.so'));
}

interface Part {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** Where it must lie, when that is not its name. */
  readonly folder?: string;
  /** Prefixes inside the wheel; default the shared libraries. */
  readonly files?: readonly string[];
}

// What is unpacked stays in our cache; pip's own need not keep another copy.
const PIP_ARGS = ['--platform=manylinux1_x86_64', '--no-cache-dir'];

const PARTS: readonly Part[] = [
  {
    name: 'cuda_runtime',
    version: '12.2.140',
    sha256: 'acb9cb7e44594a3512533497ea790d9f0b0e399abcc888584c157d1ffa080e41',
  },
  {
    name: 'cublas',
    version: '12.2.5.6',
    sha256: 'f448d8db463f9a2c7dd9a1e607c0961d3e95f825b86839c5882f7d073d406df0',
    files: ['lib/libcublas'],
  },
  {
    name: 'cudnn',
    version: '8.9.4.25',
    sha256: '9f882d5b11753c566fd32427839089eb4f8ba7a58c28446ad359e32c40229723',
  },
  {
    name: 'cufft',
    version: '11.0.8.103',
    sha256: '72e961e578f9be9e316ccb4db8652c421dd0b57442624faa71061d452f449a67',
    files: ['lib/libcufft.'],
  },
  {
    name: 'cusolver',
    version: '11.5.2.141',
    sha256: '5a85c4653ce34339a5688137f494a0f903e0f0532418550998167f00844161da',
    files: ['lib/libcusolver.'],
  },
  {
    name: 'cusparse',
    version: '12.1.2.141',
    sha256: '4e13d6a51d2303dcb2a023ba09546811161f0334fc64e13689397bbd3b1eb126',
  },
  {
    // For cusolver and cusparse.
    name: 'nvjitlink',
    version: '12.2.140',
    sha256: '95635cafbf9f96c38bea5200ab145a2e6aefbb5405e0b04c1e4ba54df2d84ec9',
  },
  {
    // For cudnn, whose RUNPATH names another folder than the wheel has.
    name: 'cuda_nvrtc',
    version: '12.2.140',
    sha256: 'b1cdcae6443cb7cdcfb5d1bf51896a148c9f82f9e65b27db9ab095eaed689aa7',
    folder: 'nvrtc',
  },
  {
    // TensorFlow looks for ptxas and libdevice in ../nvidia/cuda_nvcc, for what it compiles itself.
    name: 'cuda_nvcc',
    version: '12.2.140',
    sha256: 'c6ff4ae7a636eb6cab7621191e19ac3779690686bbcf52c04d8b1ca2944e1e27',
    files: ['bin/ptxas', 'nvvm/libdevice/'],
  },
];
