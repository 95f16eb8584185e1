import { describe, expect, it } from 'vitest';
import { bar, createScreen, table, type Terminal } from './screen.ts';

function recorder(isTTY: boolean): Terminal & { text: () => string } {
  let all = '';
  return { isTTY, write: (part) => (all += part), text: () => all };
}

describe('the demo screen', () => {
  it('prints changes a few seconds apart where there is no terminal', async () => {
    const terminal = recorder(false);
    let clock = 0;
    const value = await createScreen(terminal, () => clock).step('Training', async (progress) => {
      progress('epoch 1/2');
      clock += 5_000;
      progress('epoch 1/2');
      progress('epoch 2/2');
      progress('too soon');
      return ['done', 42];
    });
    expect(value).toBe(42);
    expect(terminal.text().split('\n')).toEqual([
      '… Training         epoch 1/2',
      '… Training         epoch 2/2',
      '✓ Training         done',
      '',
    ]);
  });

  it('cuts a line to the width of the terminal, so that it can be redrawn', async () => {
    const terminal = recorder(true);
    await createScreen({ ...terminal, columns: 30 }).step('Images', async (progress) => {
      progress('x'.repeat(100));
      await new Promise((resolve) => setTimeout(resolve, 250));
      return ['built', undefined];
    });
    const lines = terminal.text().split('\r\u001B[2K');
    expect(lines.some((line) => line.includes('x'))).toBe(true);
    for (const line of lines) expect(line.length).toBeLessThan(30);
  });

  it('marks a failed step and passes its error on', async () => {
    const terminal = recorder(false);
    const failing = createScreen(terminal).step('Images', async (progress) => {
      progress('building');
      throw new Error('no space');
    });
    await expect(failing).rejects.toThrow('no space');
    expect(terminal.text()).toContain('✗ Images           building');
  });

  it('draws bars that stay inside their width', () => {
    expect(bar(5, 10, 10)).toBe('█████░░░░░ 5/10');
    expect(bar(30, 20, 4)).toBe('████ 30/20');
    expect(bar(0, 0, 4)).toBe('░░░░ 0/0');
  });

  it('aligns columns', () => {
    expect(
      table([
        ['FILE', 'LABEL'],
        ['a.png', 'benign'],
      ]),
    ).toBe('FILE   LABEL\na.png  benign');
  });
});
