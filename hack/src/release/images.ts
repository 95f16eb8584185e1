/**
 * The images of Hilum: operator, trainer, server, and MLflow for the chart's optional part; where asked for, the
 * trainer for GPUs.
 *
 * An image is named by a hash of everything that goes into it, so that an unchanged image is neither built nor
 * exported again, and a changed one can never be mistaken for the old.
 */
import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, readFile, readdir, rm, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { buildImage, type BuiltImage } from '../images/build.ts';
import { baseImage } from '../tools/base-image.ts';
import { systemPackages } from '../tools/system-packages.ts';
import { nativeTensorflowDir, nativeTensorflowGpuDir } from '../tools/tensorflow.ts';
import { baseWeightsPath } from '../tools/weights.ts';

const imageNames = ['operator', 'trainer', 'server', 'mlflow'] as const;
export type ImageName = (typeof imageNames)[number];
type Target = ImageName | 'trainer-gpu';

/** `trainerGpu` only where it was asked for. */
type Images = Readonly<Record<ImageName, BuiltImage>> & { readonly trainerGpu?: BuiltImage };

interface ImageOptions {
  /** Also the trainer for GPUs, of about 4 GB. */
  readonly gpu?: boolean;
}

const root = resolve(import.meta.dirname, '../../..');

const trainerSources = [
  'package-lock.json',
  'crds',
  'imaging',
  'mlflow',
  'model',
  'search',
  'store',
  'trainer',
];

/** What each image is made of, beside its Dockerfile: a change in any of it is another image. */
const sources: Record<Target, readonly string[]> = {
  operator: ['package-lock.json', 'crds', 'mlflow', 'operator'],
  trainer: trainerSources,
  'trainer-gpu': trainerSources,
  server: ['package-lock.json', 'imaging', 'mlflow', 'model', 'server', 'store', 'web', 'wire'],
  mlflow: ['hack/python/mlflow.txt'],
};

/** Builds what is not there yet; each image as a reference and a docker-archive. */
export async function hilumImages(
  progress: (text: string) => void,
  options: ImageOptions = {},
): Promise<Images> {
  await stageNative(progress, options);
  const built = {} as Record<ImageName, BuiltImage>;
  for (const name of imageNames) built[name] = await build(name, progress);
  return options.gpu === true ? { ...built, trainerGpu: await build('trainer-gpu', progress) } : built;
}

async function build(name: Target, progress: (text: string) => void): Promise<BuiltImage> {
  const tag = await contentTag(name);
  progress(`${name}:${tag}`);
  return buildImage({
    name: `hilum/${name}`,
    tag,
    context: root,
    dockerfile: join(root, 'deploy/images', name === 'mlflow' ? 'mlflow.Dockerfile' : 'Dockerfile'),
    ...(name === 'mlflow' ? {} : { target: name }),
    args: await baseArgs(name === 'mlflow' ? 'python' : 'node'),
    log: (line) => progress(`${name}: ${line}`),
  });
}

/**
 * Puts what `docker build` cannot fetch by itself into `build/native`: libtensorflow with its addon, and the base
 * weights. A hard link or a copy, never a link to outside, which a build context may not hold.
 */
export async function stageNative(
  progress: (text: string) => void,
  options: ImageOptions = {},
): Promise<void> {
  await systemPackages('native');
  const native = join(root, 'build/native');
  await mkdir(native, { recursive: true });
  progress('staging TensorFlow and the base weights');
  const engines = { tensorflow: await nativeTensorflowDir() };
  if (options.gpu === true) Object.assign(engines, { 'tensorflow-gpu': await nativeTensorflowGpuDir() });
  for (const [name, engine] of Object.entries(engines)) {
    for (const part of ['deps', 'lib']) await sync(join(engine, part), join(native, name, part));
  }
  const weights = join(native, 'vgg16-notop.f32');
  const source = await baseWeightsPath();
  if (!(await sameSize(source, weights))) await copyFile(source, weights);
}

async function baseArgs(kind: 'node' | 'python'): Promise<Record<string, string>> {
  const base = await baseImage(kind);
  return base === undefined ? {} : { BASE: base };
}

/** The first 12 hex digits of a hash over path and bytes of every source file that is not a test. */
async function contentTag(name: Target): Promise<string> {
  const hash = createHash('sha256');
  const dockerfile = name === 'mlflow' ? 'deploy/images/mlflow.Dockerfile' : 'deploy/images/Dockerfile';
  for (const file of [dockerfile, ...(await filesOf(sources[name]))]) {
    hash.update(`${file}\0`).update(await readFile(join(root, file)));
  }
  hash.update((await baseImage(name === 'mlflow' ? 'python' : 'node')) ?? '');
  if (name === 'trainer' || name === 'server') hash.update(await nativeTensorflowDir());
  if (name === 'trainer-gpu') hash.update(await nativeTensorflowGpuDir());
  return hash.digest('hex').slice(0, 12);
}

async function filesOf(paths: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    if ((await stat(join(root, path))).isFile()) {
      files.push(path);
      continue;
    }
    for (const entry of await readdir(join(root, path), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = relative(root, join(entry.parentPath, entry.name));
      // As .dockerignore leaves them out.
      if (!/\.test\.ts$|(^|\/)(golden|node_modules)\//.test(file)) files.push(file);
    }
  }
  return files.toSorted();
}

async function sync(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const wanted = (await readdir(from, { recursive: true, withFileTypes: true })).filter(
    (entry) => !entry.isDirectory(),
  );
  const names = new Set(wanted.map((entry) => relative(from, join(entry.parentPath, entry.name))));
  for (const entry of await readdir(to, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isDirectory() && !names.has(relative(to, file))) await rm(file);
  }
  for (const name of names) {
    if (!(await sameSize(join(from, name), join(to, name)))) {
      await cp(join(from, name), join(to, name), { dereference: true });
    }
  }
}

async function sameSize(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map((path) => stat(path).catch(() => undefined)));
  return left !== undefined && right !== undefined && left.size === right.size;
}
