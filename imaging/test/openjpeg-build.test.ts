/** What is committed as imaging/openjpeg/openjpeg.wasm is what its sources make. `UPDATE=1` takes over a new build. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { openjpegWasm, sha256File } from '@hilum/hack';
import { describe, expect, test } from 'vitest';

const folder = resolve(import.meta.dirname, '../openjpeg');
const committed = resolve(folder, 'openjpeg.wasm');
const machine = `${process.platform}-${process.arch}`;
const noCompiler = /^linux-(?:x64|arm64)$/.test(machine) ? false : `no compiler is pinned for ${machine}`;

// Where `npm run setup` has not built it yet: a download of 103 MB and a build, on a busy machine.
const BUILD_MS = 600_000;

describe.skipIf(noCompiler !== false)(`the build of OpenJPEG ${noCompiler || ''}`, () => {
  test('gives the committed bytes again', { timeout: BUILD_MS }, async () => {
    const built = await openjpegWasm();
    const sha = await sha256File(built);
    if (process.env['UPDATE'] === '1') {
      await copyFile(built, committed);
      await writeFile(resolve(folder, 'SHA256'), `${sha}  openjpeg.wasm\n`);
    }
    expect(await sha256File(committed)).toBe(sha);
    expect(await readFile(resolve(folder, 'SHA256'), 'utf8')).toBe(`${sha}  openjpeg.wasm\n`);
  });
});

test('it imports nothing but its memory, so that no file makes it read, write or print', async () => {
  const module = await WebAssembly.compile(await readFile(committed));
  expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
});
