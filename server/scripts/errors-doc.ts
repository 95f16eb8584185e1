/** Writes docs/errors.md from the tables of the code; `--check` fails when the page is not what they say. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ERROR_CODES } from '../src/errors.ts';
import { EXIT_CODES, READINESS_CODES } from '../src/readiness.ts';

const PAGE = join(import.meta.dirname, '../../docs/errors.md');

const errors = Object.entries(ERROR_CODES)
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([code, { status, text }]) => [`\`${code}\``, String(status), text]);
const reasons = Object.entries(READINESS_CODES).map(([code, text]) => [`\`${code}\``, text]);
const exits = Object.entries(EXIT_CODES).map(([code, exit]) => [`\`${code}\``, String(exit)]);

const page = `# Codes of the server

Made from \`server/src/errors.ts\`, \`imaging/src/errors.ts\` and \`server/src/readiness.ts\` by
\`node server/scripts/errors-doc.ts\`; do not edit. A code never changes its meaning: compare codes, not texts.

## A request that is refused

The body is \`application/problem+json\` (RFC 9457) with \`code\`, \`title\` (the text below), \`status\`, \`detail\` (this
request) and \`requestId\` (the log's key). 503 carries \`Retry-After\`. 499 is only counted: its client is gone.

${table(['code', 'status', 'what it means and who can act'], errors)}

## A server that is not ready

\`GET /v2/health/ready\` answers 503 with \`reason\`, and while downloading with \`progress\`.

${table(['reason', 'what it means'], reasons)}

## A server that ends by itself

The last words, \`{"code", "message"}\`, are in the container's termination message. Told to end, it exits with 0;
with settings that cannot be read, with 64 (CONFIG_INVALID); on an address that it cannot listen on, with 69
(LISTEN_FAILED); by its [ledger](ledger.md) with 69 (LEDGER_LOCKED, LEDGER_UNUSABLE) or 65 (LEDGER_DAMAGED).

${table(['code', 'exit code'], exits)}
`;

if (process.argv.includes('--check')) {
  const now = await readFile(PAGE, 'utf8').catch(() => '');
  if (now !== page) {
    process.stderr.write('docs/errors.md is not what the code says: node server/scripts/errors-doc.ts\n');
    process.exitCode = 1;
  }
} else {
  await writeFile(PAGE, page);
}

/** With padded cells, as the formatter of this repository leaves a table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
