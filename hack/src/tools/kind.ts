/** kind, for machines with a Docker engine: the one on PATH, else built from its Go module. */
import { join } from 'node:path';
import { ensureTool } from '../cache.ts';
import { run } from '../run.ts';

const KIND_VERSION = '0.33.0';

/** @returns path of the kind command */
export async function kindPath(): Promise<string> {
  const onPath = await run('kind', ['version'], { allowFailure: true }).catch(() => undefined);
  if (onPath?.code === 0) return 'kind';
  const dir = await ensureTool({
    name: 'kind',
    version: KIND_VERSION,
    cost: 'a Go build of a few seconds, 11 MB',
    // The Go checksum database and go.sum of the module verify what is fetched.
    make: async (scratch) => {
      await run('go', ['install', `sigs.k8s.io/kind@v${KIND_VERSION}`], {
        env: { GOBIN: scratch, CGO_ENABLED: '0' },
      });
    },
  });
  return join(dir, 'kind');
}
