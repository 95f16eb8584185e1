/** Zips as people make them and as attackers do, by Python's zipfile or byte by byte. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { scratch } from '../../test/fixtures.ts';
import { MAX_FILES, filesOfZip, isZip } from './zip.ts';

const MIB = 1_048_576;

/** What a Python program writes with `z`, a ZipFile. */
async function zipBy(program: string, mode = 'ZIP_DEFLATED'): Promise<Buffer> {
  const folder = await scratch();
  try {
    const path = join(folder.path, 'a.zip');
    const script = `import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], "w", zipfile.${mode}) as z:\n${program
      .split('\n')
      .map((line) => `  ${line}`)
      .join('\n')}`;
    await promisify(execFile)('python3', ['-c', script, path]);
    return readFile(path);
  } finally {
    await folder[Symbol.asyncDispose]();
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'OK',
    (error: unknown) => (error as { readonly code: string }).code,
  );
}

describe('filesOfZip', () => {
  it.each(['ZIP_DEFLATED', 'ZIP_STORED'])(
    'gives the files of a zip, packed by %s, as often as asked',
    async (mode) => {
      const zip = await zipBy(
        'z.writestr("folder/", "")\nz.writestr("folder/a.dcm", "one")\nz.writestr("b", "two")',
        mode,
      );
      expect(isZip(zip)).toBe(true);
      const files = await filesOfZip(zip, MIB);
      expect(files.map(({ name }) => name)).toEqual(['folder/a.dcm', 'b']);
      for (const _ of [1, 2]) {
        const texts = await Promise.all(files.map(async ({ read }) => Buffer.from(await read()).toString()));
        expect(texts).toEqual(['one', 'two']);
      }
    },
  );

  it('unpacks nothing that would be more than it may be, all files together', async () => {
    const zip = await zipBy('import os\nfor n in range(3): z.writestr(str(n), os.urandom(500000))');
    expect(await codeOf(filesOfZip(zip, 1_500_000))).toBe('OK');
    expect(await codeOf(filesOfZip(zip, 1_499_999))).toBe('SERIES_TOO_LARGE');
  });

  it('does not unpack a bomb of one file, or of many', async () => {
    const one = await zipBy('z.writestr("a", bytes(100_000_000))');
    expect(one.byteLength).toBeLessThan(200_000);
    expect(await codeOf(filesOfZip(one, 1024 * MIB))).toBe('ZIP_SUSPICIOUS');
    const many = await zipBy('for n in range(300): z.writestr(str(n), bytes(900_000))');
    expect(await codeOf(filesOfZip(many, 1024 * MIB))).toBe('ZIP_SUSPICIOUS');
  });

  it('holds a file to the size that the directory declares, however the sizes lie', async () => {
    const zip = await zipBy('z.writestr("a", bytes(100_000_000))');
    // The directory is behind the file: its size, unpacked, is 24 bytes into the entry.
    const entry = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
    zip.writeUInt32LE(1000, entry + 24);
    const [file] = await filesOfZip(zip, MIB);
    expect(await codeOf(file?.read() ?? Promise.resolve())).toBe('ZIP_INVALID');
  });

  it('takes entries that share what is packed for a bomb, too', async () => {
    const zip = await zipBy('import os\nz.writestr("a", os.urandom(1000) * 100)');
    const start = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
    const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
    const entry = zip.subarray(start, end);
    const copies = 4_000;
    const tail = Buffer.from(zip.subarray(end));
    tail.writeUInt16LE(copies, 8);
    tail.writeUInt16LE(copies, 10);
    tail.writeUInt32LE(entry.byteLength * copies, 12);
    const bomb = Buffer.concat([
      zip.subarray(0, start),
      ...Array.from({ length: copies }, () => entry),
      tail,
    ]);
    expect(await codeOf(filesOfZip(bomb, 1024 * MIB))).toBe('ZIP_SUSPICIOUS');
  });

  it('refuses more files than a study has before it looks at one', async () => {
    const zip = await zipBy(`for n in range(${MAX_FILES + 1}): z.writestr(str(n), "")`);
    expect(await codeOf(filesOfZip(zip, MIB))).toBe('SERIES_TOO_LARGE');
  });

  it('refuses names that lead out of the archive, though none is used as a path', async () => {
    expect(await codeOf(filesOfZip(await zipBy('z.writestr("../../etc/passwd", "x")'), MIB))).toBe(
      'ZIP_INVALID',
    );
  });

  it('refuses what is damaged, wherever the damage is', async () => {
    const zip = await zipBy('import os\nz.writestr("a", os.urandom(2000))', 'ZIP_STORED');
    expect(await codeOf(filesOfZip(zip.subarray(0, 1000), MIB))).toBe('ZIP_INVALID');
    zip[1000] = (zip[1000] ?? 0) ^ 1;
    const [file] = await filesOfZip(zip, MIB);
    expect(await codeOf(file?.read() ?? Promise.resolve())).toBe('ZIP_INVALID');
  });

  it('ends at any byte that is another one with an answer or a code', async () => {
    const zip = await zipBy('z.writestr("a/b.dcm", "one" * 99)');
    const codes = new Set<string>();
    for (let at = 0; at < zip.byteLength; at += 1) {
      const changed = Buffer.from(zip);
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      const read = async () => Promise.all((await filesOfZip(changed, MIB)).map((file) => file.read()));
      codes.add(await codeOf(read()));
    }
    expect(
      [...codes].filter(
        (code) => !['OK', 'ZIP_INVALID', 'SERIES_TOO_LARGE', 'ZIP_SUSPICIOUS'].includes(code),
      ),
    ).toEqual([]);
  });
});
