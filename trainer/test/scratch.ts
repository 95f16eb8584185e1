/** A folder for one test file, gone when its tests are over. */
import { mkdtempSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';

export function scratchDir(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `hilum-${name}-`));
  afterAll(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
}

/** Writes files by their path under `dir`. */
export async function writeTree(
  dir: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
}

/** The smallest files that are told apart by their first bytes. */
export const PNG = Buffer.from('89504e470d0a1a0a', 'hex');
export const JPEG = Buffer.from('ffd8ffe0', 'hex');
export const DICOM = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), Buffer.alloc(8)]);
