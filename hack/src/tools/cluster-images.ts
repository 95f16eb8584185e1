/** The images that the node itself needs: the sandbox container, cluster DNS and metrics-server. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeImageArchive } from '../images/archive.ts';
import { goTool } from './go-build.ts';

// The manifests in hack/cluster/manifests and `kc` name the same tags.
const IMAGES = {
  pause: { tag: '1', source: './cmd/pause' },
  coredns: { tag: '1.14.7', source: './cmd/coredns' },
  'metrics-server': { tag: '0.9.0', source: 'sigs.k8s.io/metrics-server/cmd/metrics-server' },
} as const;

/** The folder that `kc` takes as KC_IMAGES: `pause.tar`, `coredns.tar`, `metrics-server.tar`. */
export function clusterImages(): Promise<string> {
  return goTool({
    name: 'cluster-images',
    version: '1',
    cost: 'a build of 20 s, once the cluster is built',
    binaries: Object.fromEntries(Object.entries(IMAGES).map(([name, { source }]) => [name, source])),
    patches: [
      {
        module: 'github.com/coredns/coredns',
        folder: 'coredns',
        edit: {
          file: 'plugin/kubernetes/controller.go',
          find: 'cache.ToListWatcherWithWatchListSemantics',
          put: 'toListWatcherWithWatchListSemantics',
        },
      },
      { module: 'sigs.k8s.io/metrics-server', folder: 'metrics-server' },
    ],
    finish: async (dir) => {
      for (const [name, { tag }] of Object.entries(IMAGES)) {
        await writeImageArchive(join(dir, `${name}.tar`), {
          ref: `localhost/hilum-${name}:${tag}`,
          files: { [`/${name}`]: join(dir, name) },
          entrypoint: [`/${name}`],
        });
        await rm(join(dir, name));
      }
    },
  });
}
