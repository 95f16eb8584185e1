import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

type Files = readonly { readonly path: string; readonly sha256: string; readonly bytes: number }[];

/** Writes the manifest again: with other files, and with the digests of parts that were changed. */
export async function rewritten(
  dir: string,
  change: (files: Files) => Files,
  parts: Readonly<Record<string, string>> = {},
): Promise<void> {
  const path = join(dir, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as { files: Files };
  const files = change(manifest.files).map((file) => {
    const text = parts[file.path];
    if (text === undefined) return file;
    const sha256 = createHash('sha256').update(text).digest('hex');
    return { path: file.path, bytes: Buffer.byteLength(text), sha256 };
  });
  await writeFile(path, JSON.stringify({ ...manifest, files }));
}
