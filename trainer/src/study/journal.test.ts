/** What a journal keeps through kills and power cuts, and what it refuses. */
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { scratchDir } from '../../test/scratch.ts';
import { Journal } from './journal.ts';

const scratch = scratchDir('journal');
let files = 0;

const line = z.strictObject({ text: z.string() });

function open(path: string, about: unknown = { of: 'tests' }) {
  return Journal.open({ path, about, line });
}

function fresh(): string {
  return join(scratch, `${(files += 1)}`, 'deep', 'journal.jsonl');
}

describe('a journal', () => {
  it('gives back whatever text was appended, in the order of the calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { maxLength: 8 }), async (texts) => {
        const path = fresh();
        const written = await open(path);
        // Nobody waits: the order is that of the calls all the same.
        await Promise.all(texts.map((text) => written.append({ text })));
        await written.close();
        const again = await open(path);
        await again.close();
        expect(again.lines.map(({ text }) => text)).toEqual(texts);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps all whole lines of a file that was cut anywhere, and goes on behind them', async () => {
    const path = fresh();
    const written = await open(path);
    for (const text of ['one', 'zwei\nдва', '三']) await written.append({ text });
    await written.close();
    const bytes = await readFile(path);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const part = fresh();
      await mkdir(join(part, '..'), { recursive: true });
      await writeFile(part, bytes.subarray(0, cut));
      const opened = await open(part);
      const whole = Math.max(0, bytes.subarray(0, cut).toString('latin1').split('\n').length - 2);
      expect(opened.lines).toHaveLength(whole);
      await opened.append({ text: 'more' });
      await opened.close();
      const again = await open(part);
      await again.close();
      expect(again.lines.at(-1)).toEqual({ text: 'more' });
      expect(again.lines).toHaveLength(whole + 1);
    }
  });

  it('drops a last line whose bytes a power cut turned into zeros', async () => {
    const path = fresh();
    const written = await open(path);
    await written.append({ text: 'kept' });
    await written.close();
    await appendFile(path, `${'\0'.repeat(20)}\n`);
    const opened = await open(path);
    await opened.close();
    expect(opened.lines).toEqual([{ text: 'kept' }]);
  });

  it('refuses a line in the middle that it cannot read, and one that says something else', async () => {
    const path = fresh();
    const written = await open(path);
    for (const text of ['one', 'two', 'three']) await written.append({ text });
    await written.close();
    const lines = (await readFile(path, 'utf8')).split('\n');
    for (const strange of ['{"text":', '{"words":"two"}', '7']) {
      await writeFile(path, lines.with(2, strange).join('\n'));
      await expect(open(path)).rejects.toMatchObject({
        code: 'JOURNAL_MALFORMED',
        message: expect.stringMatching(/^line 3 of /) as string,
      });
    }
  });

  it('refuses other work, by the names of what differs, and any other file', async () => {
    const path = fresh();
    await (await open(path, { seed: 7, space: ['a'], same: 1 })).close();
    await expect(open(path, { seed: 8, space: ['b'], same: 1 })).rejects.toMatchObject({
      code: 'JOURNAL_DIFFERS',
      message: expect.stringContaining('(seed, space)') as string,
    });
    await writeFile(path, '{"some": "JSON"}\n{}\n');
    await expect(open(path)).rejects.toMatchObject({ code: 'JOURNAL_DIFFERS' });
  });

  it('does not write behind what another process wrote', async () => {
    const path = fresh();
    const [one, other] = [await open(path), await open(path)];
    await one.append({ text: 'one' });
    await expect(other.append({ text: 'other' })).rejects.toMatchObject({ code: 'JOURNAL_IN_USE' });
    // Nor later: what it thinks it knows is not what is there.
    await expect(other.append({ text: 'again' })).rejects.toMatchObject({ code: 'JOURNAL_IN_USE' });
    await one.append({ text: 'two' });
    await Promise.all([one.close(), other.close()]);
    const again = await open(path);
    await again.close();
    expect(again.lines).toEqual([{ text: 'one' }, { text: 'two' }]);
  });

  it('cannot lie where no folder can be', async () => {
    const path = fresh();
    await (await open(path)).close();
    await expect(open(join(path, 'journal.jsonl'))).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });
});
