/** `node model/src/convert-weights.ts FROM TO`: base weights from Keras' `.h5` or an `.onnx` to the canonical file. */
import { convertBaseWeights } from './weights/convert.ts';

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) {
  process.stderr.write('usage: convert-weights FROM.h5|FROM.onnx TO.f32\n');
  process.exitCode = 64;
} else {
  await convertBaseWeights(from, to).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 65;
  });
}
