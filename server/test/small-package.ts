/** A package that verifies and does not answer: the real one's papers around weights of another size. */
import { createHash, randomBytes } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PackageInfo, openPackage } from '@hilum/model';
import { z } from 'zod';

const manifestSchema = z.looseObject({
  files: z.array(z.looseObject({ path: z.string(), sha256: z.string(), bytes: z.number() })),
});

/** Large enough that a transfer comes in many pieces, small enough that a test may transfer it often. */
const WEIGHTS_BYTES = 3_000_000;

export async function writeSmallPackage(dir: string, like: PackageInfo): Promise<PackageInfo> {
  await cp(like.dir, dir, { recursive: true });
  for (const path of ['tfjs/weights.bin', 'model.onnx'])
    await writeFile(join(dir, path), randomBytes(WEIGHTS_BYTES));
  await rm(join(dir, 'manifest.json'));
  const manifest = manifestSchema.parse(JSON.parse(await readFile(join(like.dir, 'manifest.json'), 'utf8')));
  for (const file of manifest.files) {
    const bytes = await readFile(join(dir, file.path));
    file.bytes = bytes.length;
    file.sha256 = createHash('sha256').update(bytes).digest('hex');
  }
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
  return openPackage(dir);
}
