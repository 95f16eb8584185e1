/** Writes the table of docs/observability.md from the metrics that an app registers; `--check` fails where it is another. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { buildApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';

const PAGE = join(import.meta.dirname, '../../docs/observability.md');
const [START, END] = ['<!-- metrics -->', '<!-- /metrics -->'];

const registry = new Registry();
const { limits, access } = readConfig({ HILUM_MODEL_URI: 'none' });
await buildApp({
  model: { state: { code: 'RESOLVING', message: '' }, infer: () => Promise.reject(new Error('no model')) },
  limits,
  access,
  logger: pino({ level: 'silent' }),
  registry,
});

const metrics = (await registry.getMetricsAsJSON()).filter(({ name }) => name.startsWith('hilum_'));
const rows = metrics.map(({ name, type, help }) => {
  const { labelNames = [] } = registry.getSingleMetric(name) as { labelNames?: readonly string[] };
  const labels = labelNames.filter((label) => label !== 'le').map((label) => `\`${label}\``);
  return [`\`${name}\``, String(type), labels.join(', '), help];
});
const page = await readFile(PAGE, 'utf8');
const [before] = page.split(START);
const after = page.slice(page.indexOf(END));
const made = `${before}${START}\n\n${table(['metric', 'type', 'labels', 'what it says'], rows)}\n\n${after}`;
if (!process.argv.includes('--check')) await writeFile(PAGE, made);
else if (made !== page) {
  process.stderr.write(
    'docs/observability.md is not what the code says: node server/scripts/metrics-doc.ts\n',
  );
  process.exit(1);
}
process.exit(0); // the collector of the process' own metrics holds it

/** With padded cells, as the formatter of this repository leaves a table. */
function table(head: readonly string[], unsorted: readonly (readonly string[])[]): string {
  const lines = unsorted.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1));
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...lines.map(line)].join('\n');
}
