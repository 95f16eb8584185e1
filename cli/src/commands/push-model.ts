/** `hilum push-model`: a model package into an OCI registry, from which a server takes it. */
import { join } from 'node:path';
import { openPackage } from '@hilum/model';
import { pushOci } from '@hilum/store';
import type { Io } from '../command.ts';
import { noMore, required } from '../flags.ts';

interface Values {
  readonly model?: string;
  readonly to?: string;
  readonly json?: boolean;
}

export const pushModelCommand = {
  name: 'push-model',
  summary:
    'Stores a verified model package in an OCI registry, one layer a file as ORAS does it. Research use only, not for diagnosis.',
  usage: 'hilum push-model --model DIR --to oci://HOST/REPOSITORY:TAG [--json]',
  options: {
    model: { type: 'string', description: 'folder of the model package' },
    to: {
      type: 'string',
      description:
        'where to; credentials by HILUM_OCI_USERNAME and HILUM_OCI_PASSWORD, or as docker login left them',
    },
    json: { type: 'boolean', description: 'print address and digests as one JSON object' },
  },
  run,
} as const;

const ARTIFACT_TYPE = 'application/vnd.hilum.model.v1';

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const model = required('model', values.model);
  const to = required('to', values.to);
  const info = await openPackage(model);
  const files = [...info.files.map(({ path }) => path), 'manifest.json'].map((path) => ({
    path,
    file: join(info.dir, path),
  }));
  const digest = await pushOci(to, files, {
    artifactType: ARTIFACT_TYPE,
    annotations: {
      'org.opencontainers.image.created': info.createdAt,
      'org.opencontainers.image.description': 'Research use only, not for diagnosis',
      'io.hilum.package': info.digest,
    },
    signal: io.signal,
  });
  const pinned = `${to.replace(/@.*$/, '').replace(/:[^:/]+$/, '')}@${digest}`;
  const text = `${files.length} files are in the registry: ${pinned}\npackage ${info.digest}`;
  io.stdout.write(
    `${values.json === true ? JSON.stringify({ to, pinned, digest, package: info.digest }) : text}\n`,
  );
  return 0;
}
