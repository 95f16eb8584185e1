/**
 * `npm run deploy -- --namespace NAME [--values FILE] [--wait true|false]`: installs or upgrades the chart with the digests that
 * `npm run images -- --push` wrote, in the cluster of the current kubeconfig.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { say } from '../cache.ts';
import { run } from '../run.ts';
import { helmPath } from '../tools/helm.ts';

const root = resolve(import.meta.dirname, '../../..');
const { values } = parseArgs({
  options: {
    namespace: { type: 'string', default: 'hilum' },
    release: { type: 'string', default: 'hilum' },
    values: { type: 'string', multiple: true, default: [] },
    wait: { type: 'string', default: 'true' },
  },
});

const file = join(root, 'out/images.json');
const text = await readFile(file, 'utf8').catch(() => undefined);
if (text === undefined) {
  say(`hilum deploy: ${file} is not there; run \`npm run images -- --push REGISTRY\` first`);
  process.exit(66);
}
const images = JSON.parse(text) as Record<string, { repository: string; digest: string }>;
const sets: string[] = [];
for (const [component, { repository, digest }] of Object.entries(images)) {
  const image = component === 'trainerGpu' ? 'trainer.gpuImage' : `${component}.image`;
  for (const value of ['registry=', `repository=${repository}`, `digest=${digest}`]) {
    sets.push('--set-string', `${image}.${value}`);
  }
}
const { release, namespace } = values;
const args = ['upgrade', '--install', release, join(root, 'charts/hilum'), '--create-namespace'];
args.push('--namespace', namespace, ...sets);
for (const path of values.values) args.push('--values', path);
if (values.wait !== 'false') args.push('--wait', '--timeout', '10m');
const { stdout } = await run(await helmPath(), args, { timeoutMs: 660_000 });
process.stdout.write(stdout);
