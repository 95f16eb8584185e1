/** Debian packages that the tools, the built-in cluster and the image builder need: each with what it is for. */
import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { say } from '../cache.ts';
import { run } from '../run.ts';

interface SystemPackage {
  /**
   * A command, or a file: there means installed, also where the distribution names its packages otherwise. A list is a
   * command that ends well where it is installed.
   */
  readonly probe: string | readonly [string, ...string[]];
  readonly why: string;
}

const clusterPackages: Readonly<Record<string, SystemPackage>> = {
  'util-linux': { probe: 'nsenter', why: 'namespaces of the cluster' },
  iproute2: { probe: 'ip', why: 'the network inside the cluster' },
  openssl: { probe: 'openssl', why: "the cluster's certificates" },
  curl: { probe: 'curl', why: 'readiness of the API server' },
};

const pythonPackages: Readonly<Record<string, SystemPackage>> = {
  'python3-pip': { probe: ['python3', '-m', 'pip', '--version'], why: 'fetches Python wheels' },
  'python3-venv': {
    probe: ['python3', '-c', 'import ensurepip, venv'],
    why: 'the environments of MLflow, DVC and pydicom',
  },
};

const packages = {
  python: pythonPackages,
  native: {
    'g++': { probe: 'g++', why: "compiles TensorFlow's addon for Node" },
    ...pythonPackages,
  },
  dicom: {
    dicom3tools: { probe: 'dciodvfy', why: 'checks the DICOM objects that we write' },
    dcmtk: { probe: 'dsrdump', why: 'reads our structured reports as another toolkit' },
  },
  browser: {
    chromium: {
      probe: ['sh', '-c', 'command -v chromium || command -v google-chrome'],
      why: 'opens the page of the server in its tests',
    },
  },
  postgres: {
    postgresql: {
      probe: ['sh', '-c', 'ls /usr/lib/postgresql/*/bin/initdb || command -v initdb'],
      why: 'the database of an MLflow in its contract tests',
    },
  },
  jenkins: {
    'default-jre-headless': { probe: ['java', '-version'], why: 'executes the Jenkinsfile in a test' },
    maven: { probe: 'mvn', why: 'fetches Groovy' },
  },
  prometheus: {
    prometheus: {
      probe: 'promtool',
      why: 'checks the metrics that the server gives; its service may be stopped',
    },
  },
  cluster: clusterPackages,
  node: {
    ...clusterPackages,
    containerd: { probe: 'containerd', why: 'runs the containers of a node' },
    runc: { probe: 'runc', why: 'starts one container' },
    'containernetworking-plugins': { probe: '/usr/lib/cni/bridge', why: 'gives a pod its network' },
    iptables: { probe: 'iptables', why: 'addresses of services' },
    conntrack: { probe: 'conntrack', why: 'forgets connections to pods that ended' },
    procps: { probe: 'sysctl', why: 'forwarding inside the cluster' },
  },
  images: {
    buildah: { probe: 'buildah', why: 'builds images without Docker' },
    debootstrap: { probe: 'debootstrap', why: 'the base image, where none can be pulled' },
  },
} as const satisfies Record<string, Readonly<Record<string, SystemPackage>>>;

/**
 * `python`: environments of Python tools; `native`: those and TensorFlow; `dicom`: checks of DICOM objects;
 * `browser`: the page in a real one; `postgres`: the database of an MLflow; `jenkins`: the test of the Jenkinsfile;
 * `prometheus`: promtool; `cluster`: `up('control' | 'kcm')`;
 * `node`: `up('node')`; `images`: builds without a Docker engine.
 */
export type PackageSet = keyof typeof packages;

/**
 * Installs what is missing of a set, as root and where apt-get is; else throws with the one command that installs it.
 *
 * No service is needed: Debian starts containerd's own, which may be stopped.
 */
export async function systemPackages(set: PackageSet): Promise<void> {
  const missing: (readonly [string, SystemPackage])[] = [];
  for (const entry of Object.entries<SystemPackage>(packages[set])) {
    if (!(await isThere(entry[1].probe))) missing.push(entry);
  }
  if (missing.length === 0) return;
  const names = missing.map(([name]) => name);
  const reasons = missing.map(([name, { why }]) => `  ${name}: ${why}`).join('\n');
  const install = ['install', '--yes', '--no-install-recommends', ...names];
  if (process.getuid?.() !== 0 || !(await isThere('apt-get'))) {
    throw new Error(
      `these system packages are missing:\n${reasons}\ninstall them with: sudo apt-get update && sudo apt-get ${install.join(' ')}`,
    );
  }
  say(`hilum: installing system packages with apt-get, about 20 s:\n${reasons}`);
  // Another apt may run (unattended upgrades); without a terminal nobody can answer debconf.
  const options = ['-q', '-o', 'DPkg::Lock::Timeout=300'];
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', [...options, 'update'], { env });
  await run('apt-get', [...options, ...install], { env });
  for (const [name, { probe }] of missing) {
    if (!(await isThere(probe))) throw new Error(`${name} is installed, but ${String(probe)} is not there`);
  }
}

/** Debian keeps administrators' commands out of a user's PATH. */
const ADMIN_PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

async function isThere(probe: SystemPackage['probe']): Promise<boolean> {
  if (typeof probe !== 'string') {
    const [command, ...args] = probe;
    return (await run(command, args, { allowFailure: true }).catch(() => undefined))?.code === 0;
  }
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...ADMIN_PATH];
  const paths = isAbsolute(probe) ? [probe] : folders.map((folder) => join(folder, probe));
  for (const path of paths) {
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
