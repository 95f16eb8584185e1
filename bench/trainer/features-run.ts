/** Our frozen layers in a process of their own: `features-run.ts REQUEST`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeImage, defaultContract, toTensor } from '@hilum/imaging';
import { buildFrozen, loadEngine, readBaseWeights } from '@hilum/model';
import { z } from 'zod';

const request = z.object({
  inputSize: z.number(),
  batch: z.number(),
  rounds: z.number(),
  dataDir: z.string(),
  files: z.array(z.string()),
  baseWeights: z.string(),
  inputs: z.string(),
  ours: z.string(),
});

const [path = ''] = process.argv.slice(2);
const asked = request.parse(JSON.parse(await readFile(path, 'utf8')));
const { inputSize, batch, files } = asked;
const contract = defaultContract('grey', inputSize);
const floats = inputSize * inputSize * 3;
const inputs = new Float32Array(files.length * floats);
for (const [at, file] of files.entries()) {
  const image = await decodeImage(await readFile(join(asked.dataDir, file)));
  inputs.set(toTensor(image, contract).tensor, at * floats);
}
await writeFile(asked.inputs, new Uint8Array(inputs.buffer));

const tf = await loadEngine();
const frozen = buildFrozen(tf, await readBaseWeights(asked.baseWeights), {
  inputSize,
  cut: 'head',
  taps: ['block5_pool'],
  pooling: 'avg',
  views: 1,
});

async function extractAll(): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (let at = 0; at < files.length; at += batch) {
    const count = Math.min(batch, files.length - at);
    const output = tf.tidy(() => {
      const input = tf.tensor4d(inputs.subarray(at * floats, (at + count) * floats), [
        count,
        inputSize,
        inputSize,
        3,
      ]);
      const features = frozen.predict(input, { batchSize: count });
      if (Array.isArray(features)) throw new TypeError('the frozen layers have one output');
      return features;
    });
    parts.push(Float32Array.from(await output.data()));
    output.dispose();
  }
  return Float32Array.from(parts.flatMap((part) => Array.from(part)));
}

// Kernels are chosen and memory is taken in the first batches.
const features = await extractAll();
await writeFile(asked.ours, new Uint8Array(features.buffer));
const rates: number[] = [];
for (let round = 0; round < asked.rounds; round += 1) {
  const start = performance.now();
  await extractAll();
  rates.push(files.length / ((performance.now() - start) / 1000));
}
process.stdout.write(`${JSON.stringify({ rates })}\n`);
process.exit();
