/** The cluster that the demo runs on: a named context, kind, or the built-in one-node Kubernetes. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  cluster,
  helmPath,
  kindPath,
  kubectlPath,
  pushImage,
  run,
  type BuiltImage,
  type Cluster,
  type RunOptions,
} from '@hilum/hack';
import { DemoError } from './errors.ts';

export interface Target {
  readonly kind: 'context' | 'kind' | 'built-in';
  /** For the person: "kind cluster hilum", "context prod-eu". */
  readonly name: string;
  kubectl(args: readonly string[], options?: RunOptions): Promise<string>;
  helm(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Makes an image known to the nodes and returns the reference that pods name. */
  provide(image: BuiltImage): Promise<string>;
  /** The command line of a `kubectl` that reaches this cluster, for a process of its own. */
  readonly kubectlCommand: readonly string[];
  /** Removes the cluster, where it was made for the demo. */
  remove(): Promise<void>;
}

export interface TargetChoice {
  readonly context?: string | undefined;
  /** Registry to push to, for a context whose nodes cannot be given images. */
  readonly registry?: string | undefined;
}

const KIND_CLUSTER = 'hilum';
const BUILT_IN = 'demo';

/** The target that the options name, made where it is not there yet. */
export async function openTarget(choice: TargetChoice, progress: (text: string) => void): Promise<Target> {
  if (choice.context !== undefined) return contextTarget(choice.context, choice.registry);
  if (await dockerAnswers()) return kindTarget(progress);
  progress('starting the built-in one-node Kubernetes');
  return builtInTarget(await cluster.up('node', { name: BUILT_IN, detached: true, addons: true }));
}

/** The target that an earlier run left, or undefined. */
export async function findTarget(choice: TargetChoice): Promise<Target | undefined> {
  if (choice.context !== undefined) return contextTarget(choice.context, choice.registry);
  const attached = await cluster.attach(BUILT_IN);
  if (attached !== undefined) return builtInTarget(attached);
  return (await dockerAnswers()) && (await kindClusters()).includes(KIND_CLUSTER)
    ? kindTarget(() => undefined)
    : undefined;
}

/** A built-in cluster as a target of the demo. */
export async function builtInTarget(node: Cluster): Promise<Target> {
  return {
    ...(await clients(['--kubeconfig', node.kubeconfig], ['--kubeconfig', node.kubeconfig])),
    kind: 'built-in',
    name: 'built-in one-node Kubernetes',
    provide: async (image) => {
      await node.load(image.tar);
      return image.ref;
    },
    remove: () => node.down(),
  };
}

async function kindTarget(progress: (text: string) => void): Promise<Target> {
  const kind = await kindPath();
  if (!(await kindClusters()).includes(KIND_CLUSTER)) {
    progress('kind create cluster');
    const config = join(import.meta.dirname, '../../../deploy/kind.yaml');
    await run(kind, ['create', 'cluster', '--name', KIND_CLUSTER, '--config', config, '--wait', '120s']);
  }
  const context = `kind-${KIND_CLUSTER}`;
  return {
    ...(await clients(['--context', context], ['--kube-context', context])),
    kind: 'kind',
    name: `kind cluster ${KIND_CLUSTER}`,
    provide: async (image) => {
      await run(kind, ['load', 'image-archive', image.tar, '--name', KIND_CLUSTER]);
      return image.ref;
    },
    remove: async () => {
      await run(kind, ['delete', 'cluster', '--name', KIND_CLUSTER]);
    },
  };
}

async function contextTarget(context: string, registry: string | undefined): Promise<Target> {
  const kubeconfig = process.env['KUBECONFIG'] ?? join(homedir(), '.kube', 'config');
  if (!kubeconfig.split(':').some((path) => existsSync(path))) {
    throw new DemoError('NO_KUBECONFIG', `--context ${context}: there is no kubeconfig at ${kubeconfig}`);
  }
  const common = await clients(['--context', context], ['--kube-context', context]);
  return {
    ...common,
    kind: 'context',
    name: `context ${context}`,
    provide: async (image) => {
      if (registry === undefined) {
        if (context.startsWith('kind-')) {
          await run(await kindPath(), [
            'load',
            'image-archive',
            image.tar,
            '--name',
            context.slice('kind-'.length),
          ]);
          return image.ref;
        }
        throw new DemoError(
          'NO_REGISTRY',
          `the nodes of ${context} can be given images only through a registry: add --registry HOST/PREFIX`,
        );
      }
      const destination = `${registry}/${image.name}:${image.tag}`;
      const digest = await pushImage(image.ref, destination);
      return `${registry}/${image.name}@${digest}`;
    },
    remove: async () => undefined,
  };
}

async function clients(
  kubectlFlags: readonly string[],
  helmFlags: readonly string[],
): Promise<Pick<Target, 'kubectl' | 'helm' | 'kubectlCommand'>> {
  const kubectl = await kubectlPath();
  const helm = await helmPath();
  return {
    kubectlCommand: [kubectl, ...kubectlFlags],
    kubectl: async (args, options) => (await run(kubectl, [...kubectlFlags, ...args], options)).stdout,
    helm: async (args, options) => (await run(helm, [...args, ...helmFlags], options)).stdout,
  };
}

async function dockerAnswers(): Promise<boolean> {
  const answer = await run('docker', ['info', '--format', '{{.ServerVersion}}'], {
    allowFailure: true,
    timeoutMs: 10_000,
  }).catch(() => undefined);
  return answer?.code === 0 && answer.stdout.trim() !== '';
}

async function kindClusters(): Promise<readonly string[]> {
  return (await run(await kindPath(), ['get', 'clusters'], { allowFailure: true })).stdout.split('\n');
}
