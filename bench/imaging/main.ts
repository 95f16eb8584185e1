/** `npm run bench:imaging -w bench [-- --write]`: all tables in one run; see bench/README.md. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { resolve } from 'node:path';
import { run } from '@hilum/hack';
import { benchBatch } from './batch.ts';
import { compare, referencePlugin } from './compare.ts';
import type { Comparison } from './compare.ts';
import { benchDecoding } from './decoding.ts';
import type { DecodingRow } from './decoding.ts';
import { comparedFiles, noData, timedFiles } from './files.ts';
import type { BenchFile } from './files.ts';
import { startPeer } from './peer.ts';
import { markdownOf } from './report.ts';
import type { BenchResult } from './report.ts';
import { GROWTH_MAX_MIB, benchSeries, growthMiB } from './series.ts';

const TURNS = { count: 15, ms: 60 };
const BATCH = { slices: 60, turns: 7 };
const SERIES = { lengths: [100, 300], turns: 3 };

const repository = resolve(import.meta.dirname, '../..');

if (noData !== false) fail(noData);
const peer = await startPeer();
const timed = await timedFiles(peer);
const others = comparedFiles();

const compared: Comparison[] = [];
for (const file of others) {
  const plugin = referencePlugin(await peer.load(file.name, file.bytes));
  compared.push(await compare(file, peer, file.name, plugin));
}
const decoding: DecodingRow[] = [];
for (const file of timed) {
  say(file.syntax);
  decoding.push(await benchDecoding(file, peer, TURNS));
}
const wrong = [...compared, ...decoding.flatMap(({ comparisons }) => comparisons)].filter(
  ({ equal }) => !equal,
);
if (wrong.length > 0) fail(`other stored values than pydicom's:\n${JSON.stringify(wrong, undefined, 2)}`);

const batches = [];
for (const files of [
  others.filter(({ name }) => name.startsWith('series')),
  ofSyntax('.80'),
  ofSyntax('.90'),
]) {
  say(`batch of ${files[0]?.syntax}`);
  batches.push(await benchBatch(files, peer, BATCH));
}
const versions = await peer.versions();
peer.close();
say('series');
const series = await benchSeries(SERIES.lengths, SERIES.turns);

const result: BenchResult = {
  date: new Date().toISOString().slice(0, 10),
  machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism(), node: process.versions.node },
  versions,
  decoding,
  compared,
  batches,
  series,
};
const markdown = markdownOf(result);
mkdirSync(resolve(repository, 'out/bench'), { recursive: true });
writeFileSync(resolve(repository, 'out/bench/imaging.json'), JSON.stringify(result, undefined, 2));
if (process.argv.includes('--write')) {
  const page = resolve(repository, 'docs/bench-imaging.md');
  writeFileSync(page, markdown);
  await run(resolve(repository, 'node_modules/.bin/oxfmt'), [page]);
}
process.stdout.write(markdown);
if (growthMiB(series) > GROWTH_MAX_MIB) fail('memory grows with the series');

function ofSyntax(end: string): readonly BenchFile[] {
  return timed.filter(
    ({ syntax, name }) => syntax.endsWith(` ${end}`) && name.startsWith('transfer-syntaxes'),
  );
}

function say(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}

function fail(why: string): never {
  process.stderr.write(`bench: ${why}\n`);
  process.exit(1);
}
