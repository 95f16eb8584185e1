/** Writes the chart's RBAC rules from `src/rbac.ts`; `--check` fails when the file is not what they say. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LEASE_RULES, OPERATOR_RULES, type PolicyRule } from '../src/rbac.ts';

const FILE = join(import.meta.dirname, '../../charts/hilum/files/rbac.yaml');

const text = `# Generated from operator/src/rbac.ts by \`node operator/scripts/chart-rbac.ts\`; edit the rules there.
# In every namespace that is watched.
operator:
${lines(OPERATOR_RULES)}
# In the operator's own namespace.
lease:
${lines(LEASE_RULES)}
`;

if (process.argv.includes('--check')) {
  const now = await readFile(FILE, 'utf8').catch(() => '');
  if (now !== text) {
    process.stderr.write(
      'charts/hilum/files/rbac.yaml is not what the code says: node operator/scripts/chart-rbac.ts\n',
    );
    process.exitCode = 1;
  }
} else {
  await writeFile(FILE, text);
}

/** A rule a line; JSON is YAML. */
function lines(rules: readonly PolicyRule[]): string {
  return rules.map((rule) => `  - ${JSON.stringify(rule)}`).join('\n');
}
