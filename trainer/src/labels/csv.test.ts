import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decimal, readTable } from './csv.ts';

const anyCells = z.record(z.string(), z.string());

function rows(text: string): readonly unknown[] {
  return readTable(text, anyCells).map(({ row }) => row);
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}

describe('readTable', () => {
  it('reads any text back that was written by the rules', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', ' ', 'é', '\uFEFF') });
    const table = fc.tuple(
      fc.array(fc.tuple(cell, cell, cell), { maxLength: 20 }),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
    );
    fc.assert(
      fc.property(table, ([cells, newline, closed]) => {
        const lines = [['a', 'b', 'c'], ...cells].map((row) => row.map(quoted).join(','));
        const text = lines.join(newline) + (closed ? newline : '');
        expect(rows(text)).toEqual(cells.map(([a, b, c]) => ({ a, b, c })));
      }),
    );
  });

  it('takes cells without quotes, empty ones, a byte order mark and empty lines', () => {
    expect(rows('\uFEFFa,b\r\n1,\r\n\r\n,2 and 3\r\n')).toEqual([
      { a: '1', b: '' },
      { a: '', b: '2 and 3' },
    ]);
    expect(rows('a,b\n1,')).toEqual([{ a: '1', b: '' }]);
    expect(rows('a\n""\n')).toEqual([{ a: '' }]);
  });

  it('knows the line on which a row begins, past line breaks within cells', () => {
    const table = readTable('a,b\n"1\n2",x\n\n3,y\n', anyCells);
    expect(table.map(({ line }) => line)).toEqual([2, 5]);
  });

  it.each([
    ['', /empty/],
    ['a,b\n1,2,3\n', /line 2 has 3 cells and the first line 2/],
    ['a,a\n1,2\n', /line 1 names a column twice/],
    ['a,b\n1,2\n"3,4\n', /line 3: a quote is not closed/],
    ['a,b\n1,"2"3\n', /line 2: a quote/],
    ['a,b\n1,2"3\n', /line 2: a quote/],
    ['a,b\r1,2\r', /CR alone/],
  ])('refuses %j', (text, why) => {
    expect(() => rows(text)).toThrow(
      expect.objectContaining({
        code: 'LABELS_MALFORMED',
        message: expect.stringMatching(why) as string,
      }) as Error,
    );
  });

  it('names five lines that do not fit, says how many more there are, and repeats nothing of theirs', () => {
    const schema = z.object({ n: decimal });
    const text = ['n', '1', ...Array.from({ length: 8 }, () => 'DOE^JANE'), '2'].join('\n');
    expect(() => readTable(text, schema)).toThrow(
      /: line 3: n: not a number; line 4: .*; line 7: n: not a number; and 3 more$/,
    );
    expect(() => readTable(text, schema)).not.toThrow(/JANE/);
  });
});

describe('decimal', () => {
  it.each(['0', '-1.5', '+2', '14.765616000000001', '1e-3'])('takes %s', (text) => {
    expect(decimal.parse(text)).toBe(Number(text));
  });

  it.each(['', ' 1', '0x10', 'NaN', 'Infinity', '1,5', '.'])('refuses %j', (text) => {
    expect(decimal.safeParse(text).success).toBe(false);
  });
});
