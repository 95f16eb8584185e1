/** `npm run bench:trainer -w bench [-- --write] [-- --quick]`: all tables in one run; see bench/README.md. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from '@hilum/hack';
import { benchData, noData } from './data.ts';
import { benchFeatures, type FeatureRow } from './features.ts';
import { growthSvg } from './growth.ts';
import { isEqual, markdownOf, shortcomings, type BenchResult } from './report.ts';
import { benchTraining, type TrainingRow } from './training.ts';

const isQuick = process.argv.includes('--quick');
const EXAMS = isQuick ? [16, 24, 32] : [60, 120, 240];
// Keras at 224 px takes a second for a dozen images, in every epoch.
const EXAMS_LARGE = isQuick ? 12 : 20;
const EPOCHS = isQuick ? 2 : 20;
// As many images as our extraction has in a batch at these sizes.
const FEATURES = [
  { inputSize: 64, batch: 24, images: isQuick ? 24 : 240 },
  { inputSize: 224, batch: 3, images: isQuick ? 3 : 24 },
] as const;

const repository = resolve(import.meta.dirname, '../..');

if (noData !== false) fail(noData);
const [before = 0] = loadavg();
const scratch = await mkdtemp(join(tmpdir(), 'hilum-bench-'));
try {
  const result = await benchAll();
  const markdown = markdownOf(result);
  await mkdir(resolve(repository, 'out/bench'), { recursive: true });
  await writeFile(resolve(repository, 'out/bench/trainer.json'), JSON.stringify(result, undefined, 2));
  if (process.argv.includes('--write')) {
    const page = resolve(repository, 'docs/bench-trainer.md');
    await writeFile(page, markdown);
    await writeFile(resolve(repository, 'docs/bench-trainer-growth.svg'), await growthSvg(result.growth));
    await run(resolve(repository, 'node_modules/.bin/oxfmt'), [page]);
  }
  process.stdout.write(markdown);
  for (const text of shortcomings(result)) say(text);
  process.exitCode = shortcomings(result).length === 0 ? 0 : 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function benchAll(): Promise<BenchResult> {
  const features: FeatureRow[] = [];
  const small = await benchData(join(scratch, 'features'), EXAMS[1] ?? 0);
  for (const size of FEATURES) {
    say(`features at ${size.inputSize} px`);
    features.push(await benchFeatures({ data: small, turns: 2, rounds: 2, scratch, ...size }));
  }
  // A faster wrong answer is not measured.
  if (!features.every(isEqual)) fail(`other features than Keras': ${JSON.stringify(features)}`);
  const growth: TrainingRow[] = [];
  for (const [at, exams] of EXAMS.entries()) {
    say(`training on ${exams} exams at 64 px`);
    const data = await benchData(scratch, exams);
    growth.push(
      await benchTraining({ data, inputSize: 64, epochs: EPOCHS, turns: at === 0 ? 2 : 1, scratch }),
    );
  }
  say(`training on ${EXAMS_LARGE} exams at 224 px`);
  const data = await benchData(join(scratch, 'large'), EXAMS_LARGE);
  const large = [await benchTraining({ data, inputSize: 224, epochs: EPOCHS, turns: 1, scratch })];
  const [after = 0] = loadavg();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      node: process.versions.node,
    },
    load: { before, after },
    features,
    growth,
    large,
  };
}

function say(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}

function fail(why: string): never {
  say(why);
  process.exit(1);
}
