/**
 * `npm run images [-- --push REGISTRY[/PREFIX]] [-- --gpu] [-- --stage]`: builds the images; with `--push` pushes them
 * and writes their digests to out/images.json, which `npm run deploy` installs. `--gpu` takes in the trainer for GPUs: a
 * download of 2.1 GB. `--stage` only puts into build/native what a `docker build` by hand needs.
 * Credentials: REGISTRY_USER, REGISTRY_PASSWORD.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { say } from '../cache.ts';
import { pushImage } from '../images/registry.ts';
import { hilumImages, stageNative } from './images.ts';

const root = resolve(import.meta.dirname, '../../..');
const { values } = parseArgs({
  options: {
    push: { type: 'string' },
    gpu: { type: 'boolean', default: false },
    stage: { type: 'boolean', default: false },
  },
});

if (values.stage) {
  await stageNative(say, { gpu: values.gpu });
} else {
  const images = await hilumImages((text) => say(`hilum images: ${text}`), { gpu: values.gpu });
  if (values.push !== undefined) {
    const pushed: Record<string, { repository: string; digest: string }> = {};
    for (const [name, image] of Object.entries(images)) {
      const repository = `${values.push}/${image.name}`;
      say(`hilum images: pushing ${repository}:${image.tag}`);
      pushed[name] = { repository, digest: await pushImage(image.ref, `${repository}:${image.tag}`) };
    }
    await mkdir(join(root, 'out'), { recursive: true });
    await writeFile(join(root, 'out/images.json'), `${JSON.stringify(pushed, undefined, 2)}\n`);
  }
  for (const image of Object.values(images)) process.stdout.write(`${image.ref}\n`);
}
