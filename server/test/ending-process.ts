/** A process that ends while its engine computes (`DIR busy`), or MS after the start of its engine began (`DIR MS`). */
import { setTimeout as sleep } from 'node:timers/promises';
import { startEngine } from '../src/engine/worker.ts';
import { INPUT_SIZE } from './fixtures.ts';

const [dir = '', when = ''] = process.argv.slice(2);
if (when === 'busy') {
  const engine = await startEngine(dir, new AbortController().signal);
  const answered = engine.infer(new Float32Array(16 * INPUT_SIZE ** 2 * 3), 16);
  await sleep(100);
  await engine.close();
  process.stdout.write(`${(await answered).probabilities.length} probabilities`);
} else {
  const started = startEngine(dir, AbortSignal.timeout(Number(when)));
  await started.then(
    () => process.stdout.write('started'),
    () => process.stdout.write('given up'),
  );
}
process.exit(0);
