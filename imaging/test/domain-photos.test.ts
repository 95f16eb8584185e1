import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { samplePhotosDir } from '@hilum/hack';
import { afterAll, describe, expect, test } from 'vitest';
import { closeDecoders } from '../src/index.ts';
import { domainTables } from './domain-table.ts';
import { noData } from './real-files.ts';

afterAll(closeDecoders);

const PAGE = join(import.meta.dirname, '../../docs/preprocessing.md');

describe.skipIf(noData)(`the domain of pictures ${noData || ''}`, () => {
  test('takes every CT picture that there is and refuses every photograph, as docs/preprocessing.md says', async () => {
    const tables = await domainTables(await samplePhotosDir());
    // `npm run domain -w imaging` writes them.
    expect(existsSync(PAGE) && readFileSync(PAGE, 'utf8')).toContain(`\n${tables}\n`);
    const [sets = '', photos = ''] = tables.split('\n\n');
    for (const [, taken, pictures] of sets.matchAll(/\| (\d+) of (\d+) /g)) expect(taken).toBe(pictures);
    expect(sets).toContain('| 302 of 302 ');
    expect(sets).toContain('| 2030 of 2030 |');
    // The Shepp-Logan phantom is the drawing of a CT slice.
    expect(photos.match(/^\| `\S+` +\| taken/gm)).toEqual([expect.stringContaining('phantom.png')]);
  }, 120_000);
});
