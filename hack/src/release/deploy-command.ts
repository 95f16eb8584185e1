/**
 * `npm run deploy -- --namespace NAME [--values FILE] [--wait true|false]`: installs or upgrades the chart with the digests that
 * `npm run images -- --push` wrote, in the cluster of the current kubeconfig.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { say } from '../cache.ts';
import { run } from '../run.ts';
import { helmPath } from '../tools/kubernetes.ts';

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
const sets = Object.entries(images).flatMap(([component, { repository, digest }]) => [
  ...['--set-string', `${component}.image.registry=`],
  ...['--set-string', `${component}.image.repository=${repository}`],
  ...['--set-string', `${component}.image.digest=${digest}`],
]);
const wait = values.wait === 'false' ? [] : ['--wait', '--timeout', '10m'];
const { stdout } = await run(
  await helmPath(),
  [
    ...['upgrade', '--install', values.release, join(root, 'charts/hilum')],
    ...['--namespace', values.namespace, '--create-namespace', ...wait],
    ...values.values.flatMap((path) => ['--values', path]),
    ...sets,
  ],
  { timeoutMs: 660_000 },
);
process.stdout.write(stdout);
