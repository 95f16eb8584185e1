/** Photographs and pictures that are no CT, to show what a model refuses to classify. */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureTool } from '../cache.ts';
import { fetchWheel, unpackWheel, type Wheel } from './wheel.ts';

/**
 * A folder of PNG and JPEG files: people, a cat, flowers, text, textures, the moon, cells, a retina. Sample data out of
 * the wheels of scikit-image and scikit-learn, each picture under the terms that those projects state for it. Read in
 * tests, and never passed on.
 *
 * @returns absolute path
 */
export async function samplePhotosDir(): Promise<string> {
  return ensureTool({
    name: 'sample-photos',
    version: '1',
    cost: '28 MB download, 7 MB on disk',
    make: async (dir) => {
      for (const { wheel, folder } of SOURCES) {
        const scratch = join(dir, 'wheel');
        await unpackWheel(await fetchWheel(wheel, scratch), [`${folder}/`], scratch);
        const names = await readdir(join(scratch, folder));
        for (const name of names.filter((entry) => /\.(png|jpg)$/.test(entry))) {
          await rename(join(scratch, folder, name), join(dir, name));
        }
        await rm(scratch, { recursive: true });
      }
    },
  });
}

// The pictures are the same in the wheels of every platform; a digest needs one of them.
const ONE_PLATFORM = ['--platform', 'manylinux2014_x86_64', '--python-version', '3.12'];
const SOURCES: readonly { readonly wheel: Wheel; readonly folder: string }[] = [
  {
    wheel: {
      requirement: 'scikit-image==0.25.2',
      sha256: 'a17e17eb8562660cc0d31bb55643a4da996a81944b82c54805c91b3fe66f4824',
      pipArgs: ONE_PLATFORM,
    },
    folder: 'skimage/data',
  },
  {
    wheel: {
      requirement: 'scikit-learn==1.6.1',
      sha256: '2e69fab4ebfc9c9b580a7a80111b43d214ab06250f8a7ef590a4edf72464dd86',
      pipArgs: ONE_PLATFORM,
    },
    folder: 'sklearn/datasets/images',
  },
];
