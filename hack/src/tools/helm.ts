/** helm, built from the module of the cluster, with which it shares its Kubernetes packages. */
import { join } from 'node:path';
import { goTool } from './go-build.ts';
import { KUBERNETES_VERSION } from './kubernetes.ts';

/** @returns path of helm, for any kubeconfig */
export async function helmPath(): Promise<string> {
  const version = '3.19.5';
  const [major, minor] = KUBERNETES_VERSION.split('.');
  const dir = await goTool({
    name: 'helm',
    version,
    cost: 'a build of 20 s, once the cluster is built',
    binaries: { helm: 'helm.sh/helm/v3/cmd/helm' },
    // Without stamps it says v3.19, and takes a cluster that it cannot ask for Kubernetes 1.20.
    ldflags: [
      `helm.sh/helm/v3/internal/version.version=v${version}`,
      ...['lint/rules', 'chartutil'].flatMap((folder) => [
        `helm.sh/helm/v3/pkg/${folder}.k8sVersionMajor=${major}`,
        `helm.sh/helm/v3/pkg/${folder}.k8sVersionMinor=${minor}`,
      ]),
    ]
      .map((stamp) => `-X ${stamp}`)
      .join(' '),
  });
  return join(dir, 'helm');
}
