/** The process that decodes: takes the index of a case at a time, answers with what became of it. */
import { closeDecoders, decodeImage } from '../src/index.ts';
import { builtSeeds } from './built.ts';
import { makeCase } from './case.ts';
import { loadCorpus } from './corpus.ts';
import { judge } from './oracle.ts';
import { orderSchema } from './talk.ts';
import type { Report } from './talk.ts';

const [seed = '0', only = '**', data = ''] = process.argv.slice(2);
const corpus = await loadCorpus(data, only);
const warmUp = await builtSeeds();
// The start of a decoding thread and the loading of libvips belong to no case.
for (const { bytes } of warmUp) await decodeImage(bytes).catch(() => {});

process.on('message', (message) => {
  const order = orderSchema.parse(message);
  if (order.kind === 'case') void run(order.index);
  else void closeDecoders().then(() => process.disconnect());
});
report({ kind: 'ready', digest: corpus.digest, seeds: corpus.seeds.length, real: corpus.real });

// An error that escapes `judge` is ours, and ends the process: the parent names the cases that were open.
async function run(index: number): Promise<void> {
  const made = await makeCase(corpus, Number(seed), index);
  const notes = await judge(made);
  report({
    kind: 'done',
    index,
    from: made.from,
    what: [...made.what],
    length: made.bytes.length,
    outcomes: notes.outcomes,
    findings: notes.findings,
    slowest: notes.slowest,
    rssPeakBytes: process.resourceUsage().maxRSS * 1024,
  });
}

function report(message: Report): void {
  process.send?.(message);
}
