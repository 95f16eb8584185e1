import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { Verdicts, type Verdict } from './verdicts.ts';

const scratch = scratchDir('verdicts');
const CHEST = { version: 2, domain: 'chest-ct' } as const;
const digestOf = (number: number): string => String(number).padStart(64, '0');

describe('Verdicts', () => {
  it('are found again, by another run, for the same domain alone', async () => {
    const verdicts = await Verdicts.open(scratch, CHEST);
    await verdicts.add(
      new Map<string, Verdict>([
        [digestOf(1), null],
        [digestOf(2), 'NOT_CHEST'],
      ]),
    );
    const again = await Verdicts.open(scratch, CHEST);
    expect([1, 2, 3].map((number) => again.find(digestOf(number)))).toEqual([null, 'NOT_CHEST', undefined]);
    const other = await Verdicts.open(scratch, { ...CHEST, domain: 'ct-picture' });
    expect(other.find(digestOf(1))).toBeUndefined();
  });

  it('are put together when their files have become many', async () => {
    const dir = join(scratch, 'many');
    const verdicts = await Verdicts.open(dir, CHEST);
    for (let number = 0; number < 70; number += 1) await verdicts.add(new Map([[digestOf(number), null]]));
    const folder = join(dir, 'verdicts', 'chest-ct-2');
    expect(await readdir(folder)).toHaveLength(70);
    await Verdicts.open(dir, CHEST);
    expect(await readdir(folder)).toHaveLength(1);
    expect((await Verdicts.open(dir, CHEST)).find(digestOf(69))).toBeNull();
  });

  it('say nothing where a file is not what was written, or names a code that there is not', async () => {
    const dir = join(scratch, 'broken');
    await (await Verdicts.open(dir, CHEST)).add(new Map([[digestOf(1), null]]));
    const folder = join(dir, 'verdicts', 'chest-ct-2');
    await writeFile(join(folder, 'cut.json'), '{"00');
    await writeFile(join(folder, 'other.json'), JSON.stringify({ [digestOf(2)]: 'NO_SUCH_CODE' }));
    const verdicts = await Verdicts.open(dir, CHEST);
    expect([1, 2].map((number) => verdicts.find(digestOf(number)))).toEqual([null, undefined]);
  });
});
