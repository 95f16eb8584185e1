/**
 * The images that ours start from where none can be pulled: Debian bookworm, with Node 24 and npm or with Python.
 *
 * Where Docker is nothing is made: the Dockerfiles name the official images of the same system.
 */
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureTool, verifySha256 } from '../cache.ts';
import { buildah, policyPath } from '../images/buildah.ts';
import { dockerAnswers } from '../images/docker.ts';
import { run } from '../run.ts';
import { SUITE, debianMirrors } from './apt-sources.ts';
import { systemPackages } from './system-packages.ts';

export type BaseKind = 'node' | 'python';

/** @returns the reference for `--build-arg BASE=…`, or undefined where the Dockerfile's own default can be pulled */
export async function baseImage(kind: BaseKind): Promise<string | undefined> {
  if (await dockerAnswers()) return undefined;
  const debian = await debianRootfs();
  return kind === 'node' ? nodeBase(debian) : pythonBase(debian);
}

const NPM = { version: '11.6.2', sha256: '585f95094ee5cb2788ee11d90f2a518a7c9ef6e083fa141d0b63ca3383675a20' };

/** RUN steps reach registries through the certificate authorities that the build mounts over Debian's. */
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

async function nodeBase(debian: string): Promise<string> {
  const node = nodeBinary();
  const dir = await ensureTool({
    name: 'base-node',
    version: `${node.version}-npm-${NPM.version}`,
    cost: 'npm, 3 MB download',
    make: async (scratch) => {
      const tarball = `npm-${NPM.version}.tgz`;
      await run('npm', ['pack', '--silent', `npm@${NPM.version}`], { cwd: scratch });
      await verifySha256(join(scratch, tarball), NPM.sha256);
      const modules = join(scratch, 'local/lib/node_modules');
      for (const folder of [modules, join(scratch, 'local/bin'), join(scratch, 'local/etc')]) {
        await mkdir(folder, { recursive: true });
      }
      await run('tar', ['-xzf', tarball, '-C', modules, '--no-same-owner'], { cwd: scratch });
      await run('mv', [join(modules, 'package'), join(modules, 'npm')]);
      await rm(join(scratch, tarball));
      await copyFile(node.path, join(scratch, 'local/bin/node'));
      await chmod(join(scratch, 'local/bin/node'), 0o755);
      await writeFile(join(scratch, 'local/etc/npmrc'), `cafile=${CERTIFICATES}\nupdate-notifier=false\n`);
    },
  });
  return image('node', debian, dir, [
    'COPY local/ /usr/local/',
    'RUN cd /usr/local/bin && for name in npm npx; do ln -s ../lib/node_modules/npm/bin/$name-cli.js $name; done && npm --version',
  ]);
}

async function pythonBase(debian: string): Promise<string> {
  const install = `${APT} install -y --no-install-recommends python3 python3-venv python3-pip`;
  return image('python', debian, debian, [
    `RUN ${APT} update && ${install} && ${CLEAN}`,
    `RUN printf '[global]\\ncert = ${CERTIFICATES}\\n' > /etc/pip.conf`,
  ]);
}

/** The Node that runs this project, from its npm package. */
function nodeBinary(): { readonly path: string; readonly version: string } {
  const name = `node-linux-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const { version } = createRequire(import.meta.url)(manifest) as { version: string };
    return { path: join(dirname(manifest), 'bin/node'), version };
  } catch (cause) {
    throw new Error(`the package ${name} is missing; run npm ci with optional dependencies`, { cause });
  }
}

const APT = 'DEBIAN_FRONTEND=noninteractive apt-get -q';

const CLEAN =
  'rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/log/* /usr/share/man/* /usr/share/locale/* && find /usr/share/doc -type f ! -name copyright -delete';

/** A bookworm system with the updates of this machine's mirrors; a folder with `rootfs.tar`. */
async function debianRootfs(): Promise<string> {
  const { mirror, sourcesList } = await debianMirrors();
  return ensureTool({
    name: 'debian',
    version: SUITE,
    cost: 'debootstrap, 50 MB download, 200 MB on disk, about 75 s',
    make: async (scratch, say) => {
      await systemPackages('images');
      const root = join(scratch, 'root');
      say(`from ${mirror}`);
      await run('debootstrap', ['--variant=minbase', '--include=ca-certificates', SUITE, root, mirror]);
      await writeFile(join(root, 'etc/apt/sources.list'), sourcesList);
      // Devices, mounts and pseudo files are the runtime's; the owners inside are numbers of the image.
      const left = ['dev/*', 'proc/*', 'sys/*', 'run/*', 'tmp/*'].map((pattern) => `--exclude=./${pattern}`);
      await run('tar', ['--numeric-owner', ...left, '-cf', join(scratch, 'rootfs.tar'), '-C', root, '.']);
      await rm(root, { recursive: true });
    },
  });
}

/** Builds `localhost/hilum-base-<kind>`, unless the store has it; its tag is a digest of how it is made. */
async function image(
  kind: BaseKind,
  debian: string,
  context: string,
  steps: readonly string[],
): Promise<string> {
  const base = ['FROM scratch', 'ADD rootfs.tar /', `RUN ${APT} update && ${APT} -y upgrade && ${CLEAN}`];
  const environment = ['ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];
  const debianRef = `localhost/hilum-debian:${digestOf([debian, ...base])}`;
  const ref = `localhost/hilum-base-${kind}:${digestOf([debianRef, context, ...environment, ...steps])}`;
  if (await isBuilt(ref)) return ref;
  if (!(await isBuilt(debianRef))) await bud(debianRef, debian, base);
  await bud(ref, context, [`FROM ${debianRef}`, ...environment, ...steps]);
  return ref;
}

async function isBuilt(ref: string): Promise<boolean> {
  return (await buildah(['inspect', '--type', 'image', ref], { allowFailure: true })).code === 0;
}

async function bud(ref: string, context: string, lines: readonly string[]): Promise<void> {
  const options = [
    '--pull-never',
    '--format',
    'docker',
    '--signature-policy',
    policyPath,
    '--network',
    'host',
  ];
  const scratch = await mkdtemp(join(tmpdir(), 'hilum-base-'));
  try {
    const dockerfile = join(scratch, 'Dockerfile');
    await writeFile(dockerfile, `${lines.join('\n')}\n`);
    await buildah(['bud', ...options, '--file', dockerfile, '--tag', ref, context]);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function digestOf(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 12);
}
