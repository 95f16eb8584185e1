/** helm, built from the module of the cluster, with which it shares its Kubernetes packages. */
import { join } from 'node:path';
import { goTool } from './go-build.ts';

/** @returns path of helm, for any kubeconfig */
export async function helmPath(): Promise<string> {
  const version = '3.19.5';
  const dir = await goTool({
    name: 'helm',
    version,
    cost: 'a build of 20 s, once the cluster is built',
    binaries: { helm: 'helm.sh/helm/v3/cmd/helm' },
    // Without a stamp it says v3.19, and charts that compare versions see a patch level of none.
    ldflags: `-X helm.sh/helm/v3/internal/version.version=v${version}`,
  });
  return join(dir, 'helm');
}
