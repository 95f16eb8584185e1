/** `npm run bench:model -w bench [-- --write]`: AUC-ROC against CPU for sizes of the input; see docs/model.md. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { baseWeightsPath, run } from '@hilum/hack';
import { CASES, dataOf, noData, SIZES } from './cases.ts';
import { measure, type Row } from './measure.ts';
import { sizesSvg } from './plot.ts';
import { between, markdownOf } from './report.ts';

const repository = resolve(import.meta.dirname, '../..');
const MEASURED = resolve(repository, 'out/bench/input-size');

if (noData !== false) {
  say(noData);
  process.exit(1);
}
const scratch = await mkdtemp(join(tmpdir(), 'hilum-bench-'));
try {
  const rows = await measureAll();
  await writeFile(`${MEASURED}.json`, JSON.stringify(rows));
  const markdown = markdownOf(rows, {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    load: loadavg()[0] ?? 0,
  });
  if (process.argv.includes('--write')) {
    const page = resolve(repository, 'docs/model.md');
    await writeFile(page, between(await readFile(page, 'utf8'), markdown));
    await writeFile(resolve(repository, 'docs/model-input-size.svg'), await sizesSvg(rows));
    await run(resolve(repository, 'node_modules/.bin/oxfmt'), [page]);
  }
  // The next run measures anew.
  await rm(MEASURED, { recursive: true });
  process.stdout.write(markdown);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** What a run that was stopped has left is not measured again. */
async function measureAll(): Promise<readonly Row[]> {
  const baseWeights = await baseWeightsPath();
  const rows: Row[] = [];
  for (const one of CASES) {
    const data = await dataOf(one, scratch);
    for (const inputSize of SIZES) {
      say(`${one.name}, ${inputSize} px`);
      rows.push(await measure(one, { ...data, inputSize, baseWeights, scratch, dir: MEASURED }));
    }
  }
  return rows;
}

function say(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}
