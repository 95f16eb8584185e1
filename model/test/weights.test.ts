import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseWeightsPath, imagenetOnnxPath } from '@hilum/hack';
import { File, ready } from 'h5wasm/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BASE_WEIGHTS_SHA256, convertBaseWeights, readBaseWeights, type BaseWeights } from '../src/index.ts';
import { CONV_LAYERS } from '../src/vgg16.ts';

let dir: string;
let canonical: Buffer;
let weights: BaseWeights;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hilum-weights-'));
  const path = await baseWeightsPath();
  canonical = await readFile(path);
  weights = await readBaseWeights(path);
});

afterAll(() => rm(dir, { recursive: true, force: true }));

it('the canonical file is the 26 tensors of VGG16 in fp32', () => {
  expect(canonical.byteLength).toBe(58_858_752);
  expect(sha256(canonical)).toBe(BASE_WEIGHTS_SHA256);
  const parameters = [...weights.layers.values()].reduce(
    (sum, { kernel, bias }) => sum + kernel.length + bias.length,
    0,
  );
  expect(parameters).toBe(14_714_688);
  expect([...weights.layers.keys()].slice(0, 3)).toEqual(['block1_conv1', 'block1_conv2', 'block2_conv1']);
});

it('refuses weights in which one bit differs', async () => {
  const changed = Buffer.from(canonical);
  changed.writeUInt8(changed.readUInt8(1234) ^ 1, 1234);
  const path = join(dir, 'changed.f32');
  await writeFile(path, changed);
  await expect(readBaseWeights(path)).rejects.toMatchObject({ code: 'WEIGHTS_DIGEST_MISMATCH' });
});

it('takes other weights of the same network when their digest is given', async () => {
  const changed = Buffer.from(canonical);
  changed.writeFloatLE(0.5, 0);
  const path = join(dir, 'own.f32');
  await writeFile(path, changed);
  const own = await readBaseWeights(path, { sha256: sha256(changed) });
  expect(own.sha256).toBe(sha256(changed));
  expect(own.layers.get('block1_conv1')?.kernel[0]).toBe(0.5);
});

it('says that a file is too short, or not there', async () => {
  const path = join(dir, 'short.f32');
  await writeFile(path, 'short');
  await expect(readBaseWeights(path, { sha256: sha256('short') })).rejects.toMatchObject({
    code: 'WEIGHTS_FORMAT',
  });
  await expect(readBaseWeights(join(dir, 'none.f32'))).rejects.toMatchObject({ code: 'WEIGHTS_MISSING' });
});

it('converts the ONNX export of Keras to the canonical bytes', async () => {
  const to = join(dir, 'from-onnx.f32');
  await convertBaseWeights(await imagenetOnnxPath(), to);
  expect(sha256(await readFile(to))).toBe(BASE_WEIGHTS_SHA256);
});

it.each([
  { layout: 'the published notop file', names: { kernel: '_W_1:0', bias: '_b_1:0' }, under: '' },
  {
    layout: 'a model saved by Keras 2',
    names: { kernel: '/kernel:0', bias: '/bias:0' },
    under: 'model_weights/',
  },
])('converts the HDF5 layout of $layout', async ({ names, under }) => {
  const from = join(dir, 'keras.h5');
  await writeKerasFile(from, { names, under });
  const to = join(dir, 'from-keras.f32');
  await convertBaseWeights(from, to);
  expect(sha256(await readFile(to))).toBe(BASE_WEIGHTS_SHA256);
});

it('writes nothing when the converted weights are others', async () => {
  const from = join(dir, 'other.h5');
  await writeKerasFile(from, { names: { kernel: '_W_1:0', bias: '_b_1:0' }, under: '', scale: 2 });
  const to = join(dir, 'other.f32');
  await expect(convertBaseWeights(from, to)).rejects.toMatchObject({ code: 'WEIGHTS_DIGEST_MISMATCH' });
  await expect(stat(to)).rejects.toMatchObject({ code: 'ENOENT' });
});

it.each(['broken.h5', 'broken.onnx', 'broken.txt'])(
  'names the format when %s cannot be read',
  async (name) => {
    const from = join(dir, name);
    await writeFile(from, Buffer.from([0x3a, 0xff, 0xff, 0x01, 0x00]));
    await expect(convertBaseWeights(from, join(dir, 'out.f32'))).rejects.toMatchObject({
      code: 'WEIGHTS_FORMAT',
    });
  },
);

interface Layout {
  readonly names: { readonly kernel: string; readonly bias: string };
  readonly under: string;
  readonly scale?: number;
}

/** The groups and datasets that Keras writes; `scale` spoils the biases. */
async function writeKerasFile(path: string, { names, under, scale = 1 }: Layout): Promise<void> {
  await ready;
  const file = new File(path, 'w');
  try {
    if (under !== '') file.create_group(under.slice(0, -1));
    for (const { name, inputs, outputs } of CONV_LAYERS) {
      const { kernel, bias } = weights.layers.get(name) ?? {
        kernel: new Float32Array(),
        bias: new Float32Array(),
      };
      const group = file.create_group(`${under}${name}`);
      const inner = names.kernel.startsWith('/') ? group.create_group(name) : group;
      const prefix = names.kernel.startsWith('/') ? '' : name;
      inner.create_dataset({
        name: prefix + names.kernel.replace('/', ''),
        data: kernel,
        shape: [3, 3, inputs, outputs],
      });
      inner.create_dataset({
        name: prefix + names.bias.replace('/', ''),
        data: bias.map((value) => value * scale),
        shape: [outputs],
      });
    }
  } finally {
    file.close();
  }
}

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
