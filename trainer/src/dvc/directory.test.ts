import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { dvcVenv, run } from '@hilum/hack';
import {
  directoryMd5,
  formatDirectory,
  objectPath,
  parseDirectory,
  type DirectoryEntry,
} from './directory.ts';

const HEX = '0123456789abcdef'.split('');
const anyMd5 = fc.array(fc.constantFrom(...HEX), { minLength: 32, maxLength: 32 }).map((hex) => hex.join(''));
// Whole Unicode: Python sorts by code point and JavaScript by UTF-16 unit, which differ beyond the first plane.
const anyName = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 8 })
  .filter((name) => !/[/\\\0]/.test(name) && name !== '.' && name !== '..');
const anyEntries: fc.Arbitrary<DirectoryEntry[]> = fc.uniqueArray(
  fc.record({
    md5: anyMd5,
    relpath: fc.array(anyName, { minLength: 1, maxLength: 3 }).map((steps) => steps.join('/')),
  }),
  { selector: (entry) => entry.relpath, minLength: 1, maxLength: 12 },
);

/** The three lines of DVC 3 that make a directory object (dvc_data.hashfile.tree). */
const BY_PYTHON = `
import json, sys
for line in sys.stdin:
    entries = json.loads(line)
    text = json.dumps(sorted(entries, key=lambda e: e["relpath"]), sort_keys=True)
    print(text.encode("utf-8").hex())
`;

describe('formatDirectory', () => {
  let python: string;
  beforeAll(async () => {
    ({ python } = await dvcVenv());
  });

  it('gives the bytes that Python gives, for any names', async () => {
    const cases = fc.sample(anyEntries, { numRuns: 300, seed: 7 });
    const { stdout } = await run(python, ['-c', BY_PYTHON], {
      input: cases.map((entries) => JSON.stringify(entries)).join('\n'),
    });
    const theirs = stdout.trim().split('\n');
    expect(theirs).toHaveLength(cases.length);
    expect(cases.map((entries) => formatDirectory(entries).toString('hex'))).toEqual(theirs);
  });

  it('is read back by parseDirectory', () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const back = parseDirectory(formatDirectory(entries));
        expect(new Set(back.map((entry) => `${entry.md5} ${entry.relpath}`))).toEqual(
          new Set(entries.map((entry) => `${entry.md5} ${entry.relpath}`)),
        );
      }),
    );
  });
});

describe('parseDirectory', () => {
  const md5 = 'd41d8cd98f00b204e9800998ecf8427e';

  it.each(['../x', '/etc/passwd', 'a/../../x', 'a//b', '', '.', 'a\\..\\b', 'a\0b'])(
    'refuses the path %j, which could leave the dataset folder',
    (relpath) => {
      const bytes = Buffer.from(JSON.stringify([{ md5, relpath }]));
      expect(() => parseDirectory(bytes)).toThrow(expect.objectContaining({ code: 'DATASET_MALFORMED' }));
    },
  );

  it.each(['not json', '{}', '[{"md5": "abc", "relpath": "x"}]', '[{"relpath": "x"}]'])(
    'refuses %s',
    (text) => {
      expect(() => parseDirectory(Buffer.from(text))).toThrow(
        expect.objectContaining({ code: 'DATASET_MALFORMED' }),
      );
    },
  );

  it('refuses two entries for one path', () => {
    const bytes = Buffer.from(
      JSON.stringify([
        { md5, relpath: 'x' },
        { md5, relpath: 'x' },
      ]),
    );
    expect(() => parseDirectory(bytes)).toThrow(/same path/);
  });
});

describe('names of objects', () => {
  it('are those of DVC 3', () => {
    expect(directoryMd5(Buffer.from('[]'))).toBe('d751713988987e9331980363e24189ce.dir');
    expect(objectPath('d751713988987e9331980363e24189ce.dir')).toBe(
      'files/md5/d7/51713988987e9331980363e24189ce.dir',
    );
  });
});
