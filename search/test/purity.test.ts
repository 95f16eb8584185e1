import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('no source reads a clock, draws a random number of the process or reads its environment', async () => {
  const sources = join(import.meta.dirname, '..', 'src');
  const files = (await readdir(sources)).filter((file) => !file.endsWith('.test.ts'));
  expect(files).toContain('suggest.ts');
  for (const file of files) {
    const text = await readFile(join(sources, file), 'utf8');
    expect(text, file).not.toMatch(/Math\.random|\bDate\b|\bperformance\b|\bprocess\.|\bcrypto\b|\bfetch\(/);
  }
});
