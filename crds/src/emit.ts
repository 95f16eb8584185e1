/**
 * `node crds/src/emit.ts`: writes the CRDs beside this room and into the chart. With `--check` it writes nothing and
 * exits 1 where a file differs from the schemas.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { stringify } from 'yaml';
import { type CustomResourceDefinition, customResourceDefinitions } from './crd.ts';

const root = join(import.meta.dirname, '../..');
const places = ['crds', 'charts/hilum/files/crds'];
const HEADER = '# Generated from crds/src by `node crds/src/emit.ts`; edit the schemas there.\n';

const check = process.argv.includes('--check');
let stale = 0;
for (const place of places) {
  for (const definition of customResourceDefinitions) {
    const path = join(root, place, `${definition.metadata.name}.yaml`);
    if (!(await emit(path, render(definition)))) stale += 1;
  }
}
process.exitCode = stale === 0 ? 0 : 1;

function render(definition: CustomResourceDefinition): string {
  return HEADER + stringify(definition, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** @returns whether the file is (now) as it should be */
async function emit(path: string, want: string): Promise<boolean> {
  const have = await readFile(path, 'utf8').catch(() => undefined);
  if (have === want) return true;
  const name = relative(root, path);
  if (check) {
    process.stderr.write(`${name} differs from the schemas; run \`node crds/src/emit.ts\`\n`);
    return false;
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, want);
  process.stdout.write(`wrote ${name}, ${Buffer.byteLength(want)} bytes\n`);
  return true;
}
