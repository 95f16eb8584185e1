import { decisionSchema } from '@hilum/model';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { anAssessment, FACTS, HISTORY } from '../test/report.ts';
import { someScores } from '../test/scores.ts';
import { assess } from './evaluation/assess.ts';
import { assessmentFiles } from './report-files.ts';

const assessment = anAssessment();
const files = await assessmentFiles({ assessment, history: HISTORY, facts: FACTS });
const textOf = (name: string) => Buffer.from(files[name] ?? []).toString();
const GOLDEN = join(import.meta.dirname, '../test/golden/report');

describe('assessmentFiles', () => {
  // `UPDATE=1` writes them; they are reviewed like code.
  it.each(['MODEL_CARD.md', 'reporting.md', 'metrics.json'])('%s is what was reviewed', (name) => {
    const path = join(GOLDEN, name);
    if (process.env['UPDATE'] === '1') {
      mkdirSync(GOLDEN, { recursive: true });
      writeFileSync(path, textOf(name));
    }
    expect(textOf(name)).toBe(readFileSync(path, 'utf8'));
  });

  it('are these', () => {
    expect(Object.keys(files).filter((name) => !name.startsWith('plots/'))).toEqual([
      'assessment.json',
      'decision.json',
      'metrics.json',
      'MODEL_CARD.md',
      'reporting.md',
      'curves/roc.csv',
      'curves/pr.csv',
      'curves/reliability.csv',
      'curves/confusion.csv',
      'curves/history.csv',
    ]);
    expect(Object.keys(files).filter((name) => name.startsWith('plots/'))).toHaveLength(8);
    expect(decisionSchema.parse(JSON.parse(textOf('decision.json')))).toEqual(assessment.decision);
    expect(JSON.parse(textOf('assessment.json'))).toEqual(assessment);
  });

  it('name no file and no patient, and say what they are not for', () => {
    for (const [name, bytes] of Object.entries(files)) {
      const text = Buffer.from(bytes).toString();
      expect(text, name).not.toMatch(/exam-|\.png|NaN/);
    }
    for (const name of ['assessment.json', 'decision.json', 'MODEL_CARD.md', 'reporting.md'])
      expect(textOf(name)).toContain('Research use only, not for diagnosis.');
  });

  it('have curves with a row a point, and a row a sample where dvc counts itself', () => {
    const { unit } = assessment.levels;
    expect(textOf('curves/roc.csv')).toMatch(/^fpr,tpr,threshold\n0,0,Infinity\n/);
    expect(textOf('curves/roc.csv').trim().split('\n')).toHaveLength(1 + unit.curves.roc.length);
    expect(textOf('curves/confusion.csv').trim().split('\n')).toHaveLength(1 + unit.samples);
    expect(textOf('curves/history.csv').trim().split('\n')).toHaveLength(1 + HISTORY.epochs.length);
    expect(textOf('curves/reliability.csv')).toMatch(/\nbefore,[\s\S]*\nafter,/);
  });

  it('answer every item of both guidelines, by the run or by leaving it to the author', () => {
    const rows = textOf('reporting.md')
      .split('\n')
      .filter((line) => /^\| \d+[a-g]? +\|/.test(line));
    expect(rows).toHaveLength(44 + 52);
    const open = rows.filter((row) => row.includes('Not answered by the run'));
    expect(open.some((row) => row.includes('ethical approval'))).toBe(true);
    expect(open.some((row) => row.includes('demographic'))).toBe(true);
    expect(rows.every((row) => row.split('|').length === 5)).toBe(true);
  });

  it('of a package alone have a card without an origin, no sheet and no learning curves', async () => {
    const labels = ['a,"b"', 'a|b'];
    const { scores } = someScores({ patients: 12, seed: 'alone', labels });
    const alone = await assessmentFiles({
      assessment: assess({ labels, positiveLabel: 'a|b', part: 'all', scores }, { seed: 1, resamples: 50 }),
    });
    expect(Object.keys(alone)).not.toContain('reporting.md');
    expect(Object.keys(alone)).not.toContain('decision.json');
    expect(Object.keys(alone)).not.toContain('plots/history.svg');
    expect(Buffer.from(alone['curves/confusion.csv'] ?? []).toString()).toContain('"a,""b"""');
    expect(Buffer.from(alone['MODEL_CARD.md'] ?? []).toString()).toContain('No threshold was chosen');
  });
});
