/** npm run fuzz -w imaging -- --cases 10000 --seed 1 --jobs 2; see docs/fuzzing.md. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runAlone } from './alone.ts';
import { makeCase } from './case.ts';
import { loadCorpus } from './corpus.ts';
import { runFleet } from './fleet.ts';
import type { Found, Summary } from './fleet.ts';

const repository = resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string' },
    jobs: { type: 'string', default: String(Math.max(1, availableParallelism() - 1)) },
    only: { type: 'string', default: '**' },
    case: { type: 'string' },
    out: { type: 'string', default: join(repository, 'out/fuzz') },
  },
});
const lane = {
  seed: wholeNumber('seed', values.seed),
  only: values.only,
  data: resolve(repository, process.env['HILUM_DATA'] ?? '../shared/data'),
};

if (values.case === undefined) await runMany();
else await runOne(wholeNumber('case', values.case));

async function runMany(): Promise<void> {
  const summary = await runFleet({
    ...lane,
    jobs: wholeNumber('jobs', values.jobs),
    first: wholeNumber('first', values.first),
    cases: wholeNumber('cases', values.cases),
    seconds: values.seconds === undefined ? undefined : wholeNumber('seconds', values.seconds),
    onProgress: (now) => process.stderr.write(`${headline(now)}\n`),
  });
  const outcomes = [...summary.outcomes].toSorted(([, a], [, b]) => b - a);
  for (const [outcome, count] of outcomes) process.stdout.write(`${String(count).padStart(9)}  ${outcome}\n`);
  for (const found of summary.found) await keep(found);
  process.stdout.write(`${headline(summary)}\n`);
  if (summary.real === 0)
    process.stdout.write('No real files were found: set HILUM_DATA to the folder of images.\n');
  if (summary.found.length > 0) process.exitCode = 1;
}

async function runOne(index: number): Promise<void> {
  const corpus = await loadCorpus(lane.data, lane.only);
  const made = await makeCase(corpus, lane.seed, index);
  process.stdout.write(
    `case ${index} of seed ${lane.seed}: ${made.from}, ${made.bytes.length} bytes: ${made.what.join(', ')}\n`,
  );
  const { findings, done } = await runAlone(lane, index);
  for (const outcome of done?.outcomes ?? []) process.stdout.write(`  ${outcome}\n`);
  process.stdout.write(
    `  slowest ${done?.slowest.call}: ${Math.round(done?.slowest.wallMs ?? 0)} ms, CPU ${Math.round(done?.slowest.cpuMs ?? 0)} ms; ${Math.round((done?.rssPeakBytes ?? 0) / 2 ** 20)} MiB\n`,
  );
  await keep({ index, from: made.from, what: made.what, findings });
  if (findings.length > 0) process.exitCode = 1;
}

/** The file, what was done to it and what came of it, where a person finds them. */
async function keep(found: Found): Promise<void> {
  const again = `npm run fuzz -w imaging -- --seed ${lane.seed} --case ${found.index}${lane.only === '**' ? '' : ` --only '${lane.only}'`}`;
  for (const { kind, call, text } of found.findings) {
    process.stdout.write(
      `\n${kind} in ${call}, case ${found.index} (${found.from}: ${found.what.join(', ')})\n  ${text}\n  ${again}\n`,
    );
  }
  if (found.index < 0) return;
  mkdirSync(values.out, { recursive: true });
  const corpus = await loadCorpus(lane.data, lane.only);
  const { bytes, what, from } = await makeCase(corpus, lane.seed, found.index);
  const name = join(values.out, `${lane.seed}-${found.index}`);
  writeFileSync(`${name}.bin`, bytes);
  writeFileSync(
    `${name}.json`,
    `${JSON.stringify({ again, corpus: corpus.digest, from, what, findings: found.findings }, null, 2)}\n`,
  );
  process.stdout.write(`  kept as ${relative(process.cwd(), name)}.bin\n`);
}

function headline(now: Summary): string {
  const seconds = now.elapsedMs / 1000;
  return (
    `${now.cases} cases of seed ${lane.seed} in ${seconds.toFixed(0)} s (${(now.cases / seconds).toFixed(0)}/s), ` +
    `${now.seeds} files (${now.real} real), corpus ${now.digest}; ${now.found.length} findings, ${now.cleared} cleared alone, ` +
    `${now.deaths} processes died; at most ${Math.round(now.rssPeakBytes / 2 ** 20)} MiB and ${Math.round(now.slowestMs)} ms`
  );
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new RangeError(`--${name} takes a whole number, not ${text}`);
  return Number(text);
}
