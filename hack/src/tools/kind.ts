/** kind, for machines with Docker: built from the module of the cluster. */
import { join } from 'node:path';
import { goTool } from './go-build.ts';

/** @returns path of kind */
export async function kindPath(): Promise<string> {
  const dir = await goTool({
    name: 'kind',
    version: '0.33.0',
    cost: 'a build of seconds',
    binaries: { kind: 'sigs.k8s.io/kind' },
  });
  return join(dir, 'kind');
}
