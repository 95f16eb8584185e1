import { describe, expect, it } from 'vitest';
import type { Row } from './measure.ts';
import { between, markdownOf } from './report.ts';

const machine = { date: '2026-01-02', cpu: 'a CPU', cores: 2, load: 3.4 };

describe('the table of input sizes', () => {
  it('says what each size loses against the largest of the same network, paired', () => {
    const rows = [rowOf('one', 64, 0.3), rowOf('one', 224, 0), rowOf('other', 64, 0), rowOf('other', 224, 0)];
    const lines = markdownOf(rows, machine)
      .split('\n')
      .filter((line) => line.startsWith('| o'));
    expect(lines[0]).toMatch(
      /^\| one \| 64 \| 12 \| 0\.9\d\d \(0\.800 to 1\.000\) \| -0\.\d{3} \(-0\.\d{3} to /,
    );
    expect(lines[1]).toMatch(/^\| one \| 224 \| .* \| {2}\|$/);
    expect(lines[2]).toContain('| 0.000 (0.000 to 0.000) |');
  });

  it('takes the place of the last one, and leaves the page around it', () => {
    expect(between(page('old'), 'new\n')).toBe(page('new\n'));
    expect(between(between(page('old'), 'a\n'), 'b\n')).toBe(page('b\n'));
    expect(() => between('no place', 'new')).toThrow('docs/model.md');
  });
});

/** 40 groups of two images, of which some malignant ones are scored too low. */
function rowOf(name: string, inputSize: number, wrong: number): Row {
  const scores = Array.from({ length: 80 }, (_, at) => {
    const positive = Math.floor(at / 2) % 2 === 0;
    const isWrong = positive && at % 40 < wrong * 40;
    return { group: String(Math.floor(at / 2)), positive, score: (positive && !isWrong ? 100 : 0) + at };
  });
  const interval = { low: 0.8, high: 1 };
  return { name, inputSize, images: 80, groups: 40, cpuSeconds: 0.0123, auc: 0.95, interval, scores };
}

function page(table: string): string {
  return `before\n\n<!-- input size: from here -->\n\n${table}\n<!-- input size: to here -->\n\nafter\n`;
}
