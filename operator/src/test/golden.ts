/** Golden files: small, with sorted keys; `UPDATE=1` rewrites them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** @returns what the file has and what it should have; equal after `UPDATE=1` */
export async function golden(path: string, value: unknown): Promise<{ have: string; want: string }> {
  const have = `${JSON.stringify(value, sorted, 2)}\n`;
  if (process.env['UPDATE'] === '1') {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, have);
  }
  return { have, want: await readFile(path, 'utf8') };
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
