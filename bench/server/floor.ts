/** onnxruntime alone: what no server on it can do without. argv: ONNX file, threads, images. Prints JSON. */
import { loadOnnx } from '@hilum/model';

const [file = '', threads = '1', images = '16'] = process.argv.slice(2);
const SIDE = 224;
const onnx = await loadOnnx(file, { threads: Number(threads) });
const image = (seed: number): Float32Array =>
  Float32Array.from({ length: SIDE * SIDE * 3 }, (_, at) => ((at * 7919 + seed * 104_729) % 251) - 120);
await onnx.predict(image(0), 1);
const cpuFrom = process.cpuUsage();
const from = performance.now();
for (let index = 0; index < Number(images); index += 1) await onnx.predict(image(index), 1);
const seconds = (performance.now() - from) / 1000;
const { user, system } = process.cpuUsage(cpuFrom);
process.stdout.write(
  `${JSON.stringify({
    threads: Number(threads),
    cpuSecondsPerImage: (user + system) / 1e6 / Number(images),
    secondsPerImage: seconds / Number(images),
  })}\n`,
);
