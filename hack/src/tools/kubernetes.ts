/** Kubernetes and etcd as one static binary, and the bridge that opens cluster addresses on the host. */
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { goTool } from './go-build.ts';

// The newest line that still runs on cgroup v1 without a flag that is going away; etcd 3.6 comes with its module.
export const KUBERNETES_VERSION = '1.34.4';

/** The folder that `kc` takes as KC_TOOLS: `kubernetes`, `bridge`, and `kubectl`. */
export function kubernetesTools(): Promise<string> {
  const [major, minor] = KUBERNETES_VERSION.split('.');
  const variable = 'k8s.io/component-base/version';
  // Without these the API server calls itself v0.0.0-master, and clients that compare versions go wrong.
  const stamps = {
    gitVersion: `v${KUBERNETES_VERSION}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    gitCommit: '0'.repeat(40),
    buildDate: '2026-01-01T00:00:00Z',
  };
  return goTool({
    name: 'kubernetes',
    version: KUBERNETES_VERSION,
    cost: 'a build of about 6 minutes on 2 cores, 3 GB of build cache',
    binaries: { kubernetes: './cmd/kubernetes', bridge: './cmd/bridge' },
    ldflags: Object.entries(stamps)
      .map(([name, value]) => `-X ${variable}.${name}=${value}`)
      .join(' '),
    // The binary picks its component by the name it is called by.
    finish: (dir) => symlink('kubernetes', join(dir, 'kubectl')),
  });
}

/** @returns path of kubectl, for any kubeconfig */
export async function kubectlPath(): Promise<string> {
  return join(await kubernetesTools(), 'kubectl');
}
