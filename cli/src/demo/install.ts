/** Images into the cluster, the chart on top, and a data set that pods can pull. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hilumImages } from '@hilum/hack';
import { pushDataset, scanDataset } from '@hilum/trainer';
import type { Forwards } from './state.ts';
import type { Target } from './target.ts';

const root = join(import.meta.dirname, '../../..');

/** Where MLflow's artifact proxy keeps what is not a run's: a DVC remote over plain HTTP. */
const DVC_REMOTE_PATH = '/api/2.0/mlflow-artifacts/artifacts/dvc';

export const RELEASE = 'hilum';

/** Builds the images (cached) and makes them known to the nodes. @returns chart values that name them */
export async function provideImages(
  target: Target,
  progress: (text: string) => void,
): Promise<readonly string[]> {
  const images = await hilumImages(progress);
  const nodes = nodesSchema.parse(JSON.parse(await target.kubectl(['get', 'nodes', '-o', 'json'])));
  const values: string[] = [];
  for (const [name, image] of Object.entries(images)) {
    if (isOnEveryNode(nodes, image.ref)) {
      values.push(...imageValues(name, image.ref));
      continue;
    }
    progress(`${name} → ${target.name}`);
    values.push(...imageValues(name, await target.provide(image)));
  }
  return values;
}

const nodesSchema = z.object({
  items: z.array(
    z.object({
      status: z.object({ images: z.array(z.object({ names: z.array(z.string()).default([]) })).default([]) }),
    }),
  ),
});

/** As the kubelets report it, so a minute late at most: a second demo need not load gigabytes again. */
function isOnEveryNode({ items }: z.infer<typeof nodesSchema>, ref: string): boolean {
  return (
    items.length > 0 && items.every(({ status }) => status.images.some(({ names }) => names.includes(ref)))
  );
}

/** Chart values for one image reference, `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST`. */
export function imageValues(component: string, ref: string): readonly string[] {
  const [name = '', digest = ''] = ref.split('@');
  const slash = name.indexOf('/');
  const registry = name.slice(0, slash);
  const rest = name.slice(slash + 1);
  const colon = digest === '' ? rest.lastIndexOf(':') : -1;
  return [
    '--set-string',
    `${component}.image.registry=${registry}`,
    '--set-string',
    `${component}.image.repository=${colon < 0 ? rest : rest.slice(0, colon)}`,
    '--set-string',
    `${component}.image.tag=${colon < 0 ? '' : rest.slice(colon + 1)}`,
    '--set-string',
    `${component}.image.digest=${digest}`,
  ];
}

/** Installs or upgrades the chart and waits until its pods are ready. @returns address of MLflow on this machine */
export async function installChart(
  target: Target,
  namespace: string,
  values: readonly string[],
  forwards: Forwards,
): Promise<string> {
  const chart = join(root, 'charts/hilum');
  const wait = ['--create-namespace', '--wait', '--timeout', '5m'];
  await target.helm(['upgrade', '--install', RELEASE, chart, '-n', namespace, ...wait, ...values], {
    timeoutMs: 360_000,
  });
  // Our own pods pass it, and the cluster refuses whatever would not.
  await target.kubectl([
    'label',
    '--overwrite',
    'namespace',
    namespace,
    'pod-security.kubernetes.io/enforce=restricted',
  ]);
  const service = { namespace, name: `${RELEASE}-mlflow`, port: 5000 };
  return forwards.open('mlflow', target.kubectlCommand, service, '/health');
}

export interface PinnedDataset {
  /** The address that pods pull from. */
  readonly remote: string;
  readonly md5: string;
  readonly files: number;
  /** `hu`: DICOM; `grey`: pictures. */
  readonly kind: 'hu' | 'grey';
}

/** Pushes a folder of images in DVC's layout into MLflow's artifact store. */
export async function pinDataset(
  dir: string,
  mlflowUrl: string,
  namespace: string,
  progress: (text: string) => void,
): Promise<PinnedDataset> {
  progress('looking through the images');
  const { kind } = await scanDataset(dir);
  const { md5, files } = await pushDataset({
    dir,
    remote: mlflowUrl + DVC_REMOTE_PATH,
    onProgress: ({ files, totalFiles }) => progress(`pushing ${files}/${totalFiles} files`),
  });
  return { remote: `http://${RELEASE}-mlflow.${namespace}.svc:5000${DVC_REMOTE_PATH}`, md5, files, kind };
}

/**
 * Applies one of `examples/`, its `${NAME}`s filled in.
 *
 * @param without fields on a line of their own that do not fit the data at hand
 */
export async function applyExample(
  target: Target,
  namespace: string,
  file: string,
  variables: Readonly<Record<string, string>>,
  without: readonly string[] = [],
): Promise<void> {
  const lines = (await readFile(join(root, 'examples', file), 'utf8')).split('\n');
  const text = lines
    .filter((line) => !without.some((field) => line.trim().startsWith(`${field}:`)))
    .join('\n');
  const filled = text.replace(/\$\{(\w+)\}/g, (whole, name: string) => variables[name] ?? whole);
  await target.kubectl(['-n', namespace, 'apply', '-f', '-'], { input: filled });
}
