/** Writes the table of docs/observability.md from the metrics that an app registers. */
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
  return `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`;
});
const table = ['| metric | type | labels | what it says |', '| - | - | - | - |', ...rows.toSorted()];
const page = await readFile(PAGE, 'utf8');
const [before] = page.split(START);
const after = page.slice(page.indexOf(END));
await writeFile(PAGE, `${before}${START}\n\n${table.join('\n')}\n\n${after}`);
process.exit(0);
