/** `hilum search` and `hilum crossvalidate` as a shell sees them, on SYNTHETIC studies. */
import { mkdtempSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMlflow } from '@hilum/hack';
import { createMlflow } from '@hilum/mlflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../cli.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hilum-search-'));
const phantom = join(scratch, 'phantom');
const space = join(scratch, 'space.yaml');
const candidates = join(scratch, 'candidates.yaml');
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function hilum(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const code = await runCli(args, {
    stdout: { write: (text) => (written.out += text) },
    stderr: { isTTY: false, write: (text) => (written.err += text) },
    signal: new AbortController().signal,
  });
  return { code, ...written };
}

const short =
  `--data ${phantom} --input-size 32 --epochs 2 --batch-size 8 --head-units 8 --cache ${join(scratch, 'features')}`.split(
    ' ',
  );

beforeAll(async () => {
  await hilum('phantom', '--out', phantom, '--patients', '24', '--slices', '1');
  await writeFile(
    space,
    '- {name: hyperparameters.learningRate, type: double, min: 0.001, max: 0.1, scale: log}\n- {name: model.dropout, type: choice, values: [0, 0.5]}\n',
  );
  await writeFile(
    candidates,
    '- {name: slow, hyperparameters.learningRate: 1e-6}\n- {name: usual, model.dropout: 0.2}\n',
  );
});

async function jsonOf(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}

describe('hilum search', () => {
  it('tries, trains with the best, and says that a validation score flatters', async () => {
    const out = join(scratch, 'searched');
    const {
      code,
      out: text,
      err,
    } = await hilum('search', ...short, '--space', space, '--trials', '3', '--out', out);
    expect(code).toBe(0);
    expect(err.match(/^trial {5}\d {2}[01]\.\d{4} {2}learningRate 0\.\d+, dropout (0|0\.5)$/gm)).toHaveLength(
      3,
    );
    expect(text).toMatch(/^trial +validation AUC +parameters\n\d +[01]\.\d{4} +learningRate/);
    expect(text).toMatch(/best: trial \d; its validation AUC of [01]\.\d{4} chose it and flatters it/);
    expect(text).toContain('Research use only, not for diagnosis.');
    const { best, trials } = (await jsonOf(join(out, 'search.json'))) as {
      best: { parameters: object };
      trials: unknown[];
    };
    expect(trials).toHaveLength(3);
    expect(await jsonOf(join(out, 'best.json'))).toEqual([{ name: 'best', ...best.parameters }]);
    expect(await readFile(join(out, 'model/MLmodel'), 'utf8')).toContain('hilum');
  });

  it('goes on with more trials, and trains nothing where it is told not to', async () => {
    const args = [...short, '--space', space, '--no-refit', '--json', '--stopping', 'median'];
    const out = join(scratch, 'alone');
    await hilum('search', ...args, '--trials', '2', '--out', out);
    const { code, out: text } = await hilum('search', ...args, '--trials', '4', '--out', out);
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({ counts: { succeeded: 4 }, best: { state: 'succeeded' } });
    const journal = (await readFile(join(out, 'study.jsonl'), 'utf8')).trim().split('\n');
    expect(journal.filter((line) => line.includes('"started"'))).toHaveLength(4);
    const other = await hilum('search', ...args, '--trials', '4', '--out', out, '--search-seed', '8');
    expect(other).toMatchObject({ code: 64, err: expect.stringContaining('JOURNAL_DIFFERS') as string });
  });

  it.for([
    { args: ['--space', 'SPACE', '--grid-points', '3'], want: '--grid-points is about a grid' },
    { args: ['--space', 'SPACE', '--search-folds', '1'], want: '--search-folds takes 2 or more' },
    { args: ['--space', 'SPACE', '--stopping', 'soon'], want: '--stopping is one of asha, median, none' },
    { args: ['--space', 'SPACE', '--no-refit', '--mlflow', 'http://a'], want: 'leave --no-refit out' },
    { args: ['--space', 'candidates'], want: 'line 1' },
    { args: [], want: '--space is missing' },
  ])('ends with 64 for a call that says $want', async ({ args, want }) => {
    const given = args.map((arg) => (arg === 'SPACE' ? space : arg === 'candidates' ? candidates : arg));
    const { code, err } = await hilum('search', ...short, '--out', join(scratch, 'refused'), ...given);
    expect({ code, err }).toMatchObject({ code: 64, err: expect.stringContaining(want) as string });
  });
});

describe('hilum search beside MLflow', () => {
  let server: Awaited<ReturnType<typeof startMlflow>>;
  beforeAll(async () => {
    server = await startMlflow();
  });
  afterAll(() => server.stop());

  it('puts its trials below the run that trains with the best', async () => {
    const out = join(scratch, 'tracked');
    const tracked = ['--mlflow', server.url, '--experiment', 'search', '--json'];
    const { code, out: text } = await hilum(
      'search',
      ...short,
      '--space',
      space,
      '--trials',
      '2',
      '--out',
      out,
      ...tracked,
    );
    expect(code).toBe(0);
    const { run, best } = JSON.parse(text) as {
      run: { runId: string; experimentId: string };
      best: { number: number; value: number };
    };
    const mlflow = createMlflow({ baseUrl: server.url });
    const trial = await mlflow.findRun(run.experimentId, {
      'mlflow.parentRunId': run.runId,
      'hilum.trial.state': 'succeeded',
      'hilum.trial.index': String(best.number),
    });
    expect(trial).toMatchObject({ status: 'FINISHED', metrics: { 'search/objective': best.value } });
    expect(Object.keys(trial?.params ?? {}).toSorted()).toEqual([
      'hyperparameters.learningRate',
      'model.dropout',
    ]);
    const { params } = await mlflow.getRun(run.runId);
    expect(params['hyperparameters.learningRate']).toBe(trial?.params['hyperparameters.learningRate']);
  });
});

describe('hilum train', () => {
  it('searches first where it is given a space, and goes on from the journal beside the package', async () => {
    const out = join(scratch, 'trained');
    const args = ['train', ...short, '--search', space, '--trials', '2', '--out', out, '--json'];
    const { code, out: text } = await hilum(...args);
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({ search: { state: 'succeeded' }, package: out });
    const journal = await readFile(`${out}.study.jsonl`, 'utf8');
    expect((await hilum(...args)).code).toBe(0);
    expect(await readFile(`${out}.study.jsonl`, 'utf8')).toBe(journal);
  });

  it('knows no trials without a space', async () => {
    const { code, err } = await hilum('train', ...short, '--out', join(scratch, 'none'), '--trials', '2');
    expect({ code, err }).toMatchObject({
      code: 64,
      err: expect.stringContaining('--trials is about a search: add --search FILE') as string,
    });
  });
});

describe('hilum crossvalidate', () => {
  const folds = ['--folds', '3', '--repeats', '2', '--inner-folds', '2'];

  it('tells a table of levels, repeats and shortcuts, and what was chosen', async () => {
    const out = join(scratch, 'folds');
    const args = ['crossvalidate', ...short, ...folds, '--candidates', candidates, '--out', out];
    const { code, out: text, err } = await hilum(...args);
    expect(code).toBe(0);
    expect(err.match(/^fold .* AUC [01]\.\d{4} {2}(slow|usual)$/gm)).toHaveLength(6);
    expect(text).toMatch(
      /^AUC-ROC \(malignant\) +samples +patients +mean \(95 %\) +repeat 1 +repeat 2 +folds:/,
    );
    expect(text).toMatch(/^units +24 +24 +\d\.\d{3} \(/m);
    expect(text).toMatch(/^mean grey +units +[01]\.\d{3} +[+-]?\d\.\d{3} \(/m);
    expect(text).toMatch(/^chosen: slow \d, usual \d$/m);
    expect(text).toContain('Research use only, not for diagnosis.');
    const again = await hilum(...args, '--json');
    expect(JSON.parse(again.out)).toMatchObject({ folds: 3, repeats: 2, levels: { unit: { samples: 24 } } });
    expect(await jsonOf(join(out, 'crossvalidation.json'))).toMatchObject(JSON.parse(again.out) as object);
  });

  it('searches a space in each fold', async () => {
    const args = [
      '--space',
      space,
      '--trials',
      '2',
      '--algorithm',
      'random',
      '--out',
      join(scratch, 'searching'),
    ];
    const { code, out } = await hilum(
      'crossvalidate',
      ...short,
      ...folds,
      '--repeats',
      '1',
      ...args,
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ choices: { search: 3 } });
  });

  it.for([
    { args: ['--space', 'SPACE', '--candidates', 'CANDIDATES'], want: 'leave one of them out' },
    { args: ['--candidates', 'CANDIDATES', '--trials', '3'], want: '--trials is about a search' },
    { args: ['--space', 'SPACE', '--stopping', 'asha'], want: '--stopping is median or none here' },
    { args: ['--folds', '1'], want: '--folds is a number from 2' },
  ])('ends with 64 for a call that says $want', async ({ args, want }) => {
    const given = args.map((arg) => (arg === 'SPACE' ? space : arg === 'CANDIDATES' ? candidates : arg));
    const { code, err } = await hilum('crossvalidate', ...short, '--out', join(scratch, 'refused'), ...given);
    expect({ code, err }).toMatchObject({ code: 64, err: expect.stringContaining(want) as string });
  });
});
