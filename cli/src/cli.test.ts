/** `hilum …` as a shell sees it: output, exit code, and that the commands work together. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMlflow } from '@hilum/hack';
import { createMlflow } from '@hilum/mlflow';
import type { TrainEvent } from '@hilum/trainer';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { runCli } from './cli.ts';
import { trainProgress } from './progress.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hilum-cli-'));
const phantom = join(scratch, 'phantom');
const model = join(scratch, 'model');
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

const sizes = '--input-size 32 --epochs 2 --batch-size 8 --cache';
const short = [...sizes.split(' '), join(scratch, 'features')];

describe('hilum', () => {
  it('lists its commands, and explains each', async () => {
    const { code, out } = await hilum('--help');
    expect(code).toBe(0);
    const names = out.match(/^ {2}[\w-]+/gm)?.map((name) => name.trim()) ?? [];
    expect(names).toEqual([
      'demo',
      'train',
      'search',
      'crossvalidate',
      'evaluate',
      'package',
      'serve',
      'ledger',
      'classify',
      'explain',
      'key',
      'push-model',
      'fetch',
      'push',
      'audit',
      'prepare',
      'inspect',
      'deidentify',
      'track-sync',
      'oip-conformance',
      'phantom',
    ]);
    expect(out).toContain('Research use only, not for diagnosis.');
    for (const name of names) {
      const help = await hilum(name, '--help');
      expect(help).toMatchObject({ code: 0, err: '' });
      expect(help.out).toMatch(new RegExp(`^hilum ${name} `));
      expect(help.out).toContain('--json');
    }
  });

  it('tells its version', async () => {
    const { code, out } = await hilum('--version');
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [['nonsense'], 'there is no command nonsense'],
    [['train', '--out', 'x'], '--data is missing'],
    [['train', '--colour', 'red'], "Unknown option '--colour'"],
    [
      ['train', '--data', 'x', '--out', 'y', '--epochs', 'many'],
      '--epochs is a whole number from 1 to 1000, not many',
    ],
    [['train', '--data', 'x', '--out', 'y', '--epochs', '1.5'], '--epochs is a whole number'],
    [
      ['train', '--data', 'x', '--out', 'y', '--epochs', '-3'],
      '--epochs is a whole number from 1 to 1000, not -3',
    ],
    [['train', '--data', 'x', '--out', 'y', '--window', 'wide'], '--window is CENTER/WIDTH'],
    // Written as its own help has it: the window is taken, and the next mistake is what is told.
    [['train', '--data', 'x', '--out', 'y', '--window', '-600/1500', 'stray'], 'nobody asked for stray'],
    [['train', '--data', 'x', '--out', 'y', '--mlflow', 'here'], 'BASE_URL_INVALID'],
    [
      ['train', '--data', 'x', '--out', 'y', '--trainable-from', 'top'],
      '--trainable-from is one of head, block1_conv1',
    ],
    [['train', '--data', 'x', '--out', 'y', '--register', 'z'], '--register needs --mlflow'],
    [['train', '--data', 'x', '--out', 'y', '--validation', '60', '--test', '60'], 'less than 20 percent'],
    [['train', '--data', 'x', '--out', 'y', 'stray'], 'nobody asked for stray'],
    [['evaluate', '--model', 'x', '--data', 'y', '--part', 'best'], '--part is one of'],
    [['evaluate', '--model', 'x', '--data', 'y', '--prevalence', '5'], '--prevalence is up to ten numbers'],
    [['phantom', '--out', 'x', '--patients', '2'], '--patients is a number from 6'],
  ])('refuses the call %j with 64 and says what is wrong', async (args, message) => {
    const { code, out, err } = await hilum(...args);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toContain(message);
  });

  it('ends with 64 and the list where no command is named', async () => {
    const { code, out, err } = await hilum();
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err).toContain('hilum COMMAND');
  });

  it('ends with 65 for data that are not there, and says so in JSON as well', async () => {
    const { code, out, err } = await hilum('train', '--data', join(scratch, 'no'), '--out', model, '--json');
    expect(code).toBe(65);
    const message = `${join(scratch, 'no')} is not a folder that can be read`;
    expect(JSON.parse(out)).toEqual({ error: { code: 'DATASET_MISSING', message } });
    expect(err).toBe(`hilum train: DATASET_MISSING: ${message}\n`);
  });
});

describe('a machine without the parts that npm does not bring', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('ends with 69 and what is missing where the engine cannot be made', async () => {
    // No cache and no tools: what a bare machine looks like.
    vi.stubEnv('XDG_CACHE_HOME', join(scratch, 'bare'));
    vi.stubEnv('PATH', scratch);
    const { code, out } = await hilum('train', '--data', scratch, '--out', model, '--json');
    expect(code).toBe(69);
    expect(JSON.parse(out)).toMatchObject({
      error: { code: 'SETUP_FAILED', message: expect.stringContaining('install a C++ compiler') as string },
    });
  });
});

describe('the commands, one after the other', () => {
  it('phantom writes a study set', async () => {
    const { code, out } = await hilum(
      'phantom',
      '--out',
      phantom,
      '--patients',
      '12',
      '--slices',
      '2',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ dir: phantom, patients: 12, slices: 24, synthetic: true });
  });

  it('phantom replaces an earlier set, and leaves a folder with other files alone', async () => {
    const out = join(scratch, 'again');
    for (const patients of ['8', '6']) {
      const args = ['phantom', '--out', out, '--patients', patients, '--slices', '1'];
      expect((await hilum(...args)).code).toBe(0);
    }
    const slices = (await readdir(out, { recursive: true })).filter((name) => name.endsWith('.dcm'));
    expect(slices).toHaveLength(6);
    await writeFile(join(out, 'thesis.txt'), 'years of work');
    const { code, err } = await hilum('phantom', '--out', out);
    expect(code).toBe(64);
    expect(err).toContain('holds other files');
    expect(await readdir(out)).toEqual(expect.arrayContaining(['benign', 'thesis.txt']));
  });

  it('train writes a package and one JSON object, in agreement with evaluate', async () => {
    const trained = await hilum('train', '--data', phantom, '--out', model, ...short, '--json');
    expect(trained.code).toBe(0);
    const result = JSON.parse(trained.out) as Record<
      string,
      { aucRoc: number; samples: number; accuracy: number }
    >;
    expect(result).toMatchObject({
      package: model,
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      dataset: { files: 24, patients: { train: 8, validation: 2, test: 2 } },
      evaluation: { samples: 4, perUnit: { samples: 2 } },
      gate: { passed: true },
      notice: 'Research use only, not for diagnosis.',
    });

    const metrics = join(scratch, 'metrics.json');
    const roc = join(scratch, 'roc.csv');
    const evaluated = await hilum(
      'evaluate',
      '--model',
      model,
      '--data',
      phantom,
      '--metrics',
      metrics,
      '--roc',
      roc,
      '--json',
    );
    expect(evaluated.code).toBe(0);
    const scores = JSON.parse(evaluated.out) as { images: unknown[]; units: unknown[] };
    const { samples, accuracy, aucRoc } = result['evaluation'] ?? {};
    expect(scores).toMatchObject({ part: 'test', samples, accuracy, aucRoc, note: result['notice'] });
    expect(scores.images).toHaveLength(4);
    expect(scores.units).toHaveLength(2);
    expect(JSON.parse(await readFile(metrics, 'utf8'))).toMatchObject({
      part: 'test',
      images: { samples, accuracy, aucRoc },
    });
    expect(await readFile(roc, 'utf8')).toMatch(/^fpr,tpr,threshold\n0,0,/);
  });

  it('evaluate writes figures, curves, plots and a card, beside another model', async () => {
    const out = join(scratch, 'evaluation');
    const args = ['--model', model, '--data', phantom, '--against', model, '--prevalence', '0.2'];
    const { code, out: text } = await hilum('evaluate', ...args, '--out', out);
    expect(code).toBe(0);
    expect(text).toContain('the model is better by');
    const card = await readFile(join(out, 'MODEL_CARD.md'), 'utf8');
    expect(card).toContain('Beside the champion');
    expect(card).toContain('Research use only, not for diagnosis.');
    expect(await readdir(join(out, 'plots'))).toContain('confusion.svg');
    expect(await readFile(join(out, 'curves/roc.csv'), 'utf8')).toMatch(/^fpr,tpr,threshold\n/);
    const figures = JSON.parse(await readFile(join(out, 'metrics.json'), 'utf8')) as object;
    expect(figures).toMatchObject({ part: 'test', images: { samples: 4 } });
  });

  it('speaks to people without --json', async () => {
    const { out } = await hilum('evaluate', '--model', model, '--data', phantom, '--part', 'all');
    expect(out).toMatch(
      /part: all +samples +accuracy +AUC-ROC \(malignant\) +sensitivity +specificity\nimages +24 /,
    );
    expect(out).toContain('Research use only, not for diagnosis.');
  });

  it('prepare writes pin, kind and split, and 65 where there is nothing to prepare', async () => {
    const out = join(scratch, 'dataset.json');
    expect((await hilum('prepare', '--data', phantom, '--out', out)).code).toBe(0);
    expect(JSON.parse(await readFile(out, 'utf8'))).toMatchObject({
      md5: expect.stringMatching(/^[0-9a-f]{32}\.dir$/) as string,
      kind: 'hu',
      images: 24,
      labels: { benign: 12, malignant: 12 },
      split: {
        seed: 7,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        parts: { test: { patients: 2, images: 4, labels: { benign: 2, malignant: 2 } } },
      },
    });
    expect((await hilum('prepare', '--data', scratch, '--out', out)).code).toBe(65);
  });

  it('evaluate ends with 65 for a package that was altered', async () => {
    await writeFile(join(model, 'labels.json'), '{}');
    const { code, err } = await hilum('evaluate', '--model', model, '--data', phantom);
    expect(code).toBe(65);
    expect(err).toContain('DIGEST_MISMATCH');
  });

  it('train registers past the gate where a tracking server is named, and ends with 69 where it is down', async () => {
    const args = ['train', '--data', phantom, '--out', join(scratch, 'registered'), ...short, '--json'];
    const server = await startMlflow();
    try {
      const names = ['--register', 'lung', '--alias', 'best', '--min-auc', '0'];
      const { code, out } = await hilum(...args, '--mlflow', server.url, ...names);
      expect(code).toBe(0);
      const { model: registered } = JSON.parse(out) as { model: unknown };
      expect(registered).toMatchObject({ name: 'lung', version: '1', alias: 'best' });
      const mlflow = createMlflow({ baseUrl: server.url });
      expect(await mlflow.resolveModel('models:/lung@best')).toMatchObject({ version: '1' });
    } finally {
      await server.stop();
    }
    const down = await hilum(...args, '--mlflow', server.url);
    expect(down.code).toBe(69);
    expect(JSON.parse(down.out)).toMatchObject({ error: { code: 'TRACKING_UNREACHABLE' } });
  });
});

describe('the process', () => {
  const bin = join(import.meta.dirname, '../bin/hilum.mjs');

  async function spawned(
    args: readonly string[],
    kill = false,
  ): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
      if (kill && err.includes('epoch')) child.kill('SIGTERM');
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, err };
  }

  it('passes output and exit code on', async () => {
    expect(
      await spawned(['phantom', '--out', join(scratch, 'p'), '--patients', '6', '--slices', '1', '--json']),
    ).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(/^\{.*\}\n$/) as string,
    });
    expect(await spawned(['train'])).toMatchObject({ code: 64, out: '' });
  });

  it('ends with 143 when told to end in the middle of training', async () => {
    const args = ['train', '--data', phantom, '--out', join(scratch, 'ended'), ...short, '--epochs', '1000'];
    expect(await spawned(args, true)).toMatchObject({ code: 143, out: '' });
  });
});

function epoch(number: number): Extract<TrainEvent, { readonly type: 'epoch' }> {
  return {
    type: 'epoch',
    epoch: number,
    epochs: 4,
    loss: 0.5,
    valLoss: 0.6,
    valAccuracy: 0.7,
    valAucRoc: 0.8,
    learningRate: 0.001,
    imagesPerSecond: 123.4,
    endedAtMs: 0,
  };
}

describe('the progress of a training run', () => {
  it('is one line on a terminal, with loss, AUC, speed and the time left', () => {
    let [text, now] = ['', 0];
    const show = trainProgress({ isTTY: true, write: (part) => (text += part) }, () => now);
    show(epoch(1));
    now = 10_000;
    show(epoch(2));
    expect(text.split('\n')).toHaveLength(1);
    expect(text.split('\r').at(-1)).toContain(
      '2/4  loss 0.5000  validation AUC 0.8000  best 0.8000 in 1  123 images/s  ETA 20 s',
    );
    show(epoch(4));
    expect(text.endsWith('\n')).toBe(true);
  });

  it('names as the best the epoch that the loop keeps: of equal AUCs that with the lower loss', () => {
    let text = '';
    const show = trainProgress({ isTTY: false, write: (part) => (text += part) }, () => 0);
    show(epoch(1));
    show({ ...epoch(2), valLoss: 0.5 });
    expect(text).toContain('best 0.8000 in 2');
    show({ ...epoch(3), valLoss: 0.55 });
    expect(text.trimEnd().split('\n').at(-1)).toContain('best 0.8000 in 2');
  });

  it('shows the steps of a long epoch, and never a line that wraps', () => {
    let [text, now] = ['', 0];
    const show = trainProgress({ isTTY: true, columns: 50, write: (part) => (text += part) }, () => now);
    show({ type: 'step', epoch: 1, step: 3, steps: 40, loss: 0.6789 });
    expect(text).toContain('1 step 3/40  loss 0.6789');
    show({ type: 'step', epoch: 1, step: 4, steps: 40, loss: 0.5 });
    expect(text).not.toContain('step 4/40');
    now = 150;
    show({ type: 'step', epoch: 1, step: 5, steps: 40, loss: 0.5 });
    expect(text).toContain('step 5/40');
    show(epoch(1));
    expect(Math.max(...text.split('\r\u001B[2K').map((line) => line.length))).toBeLessThan(50);
  });

  it('says that MLflow is away, and how to send what is kept', () => {
    let text = '';
    const show = trainProgress({ isTTY: false, write: (part) => (text += part) }, () => 0);
    show({ type: 'tracking-away', code: 'UNREACHABLE', message: 'connection refused' });
    show({ type: 'tracking-left', spool: 'out/spool', entries: 3 });
    expect(text).toContain('kept on disk');
    expect(text).toContain('hilum track-sync --spool out/spool');
  });

  it('warns where images are outside the domain, and is silent where none is', () => {
    let text = '';
    const show = trainProgress({ isTTY: false, write: (part) => (text += part) }, () => 0);
    show({ type: 'domain', domain: 'chest-ct', images: 30, outside: 0 });
    expect(text).toBe('');
    const first = { file: 'a/p/1.dcm', code: 'NOT_CHEST' } as const;
    show({ type: 'domain', domain: 'any', images: 30, outside: 2, first });
    expect(text).toContain('2 of 30 are outside the domain (NOT_CHEST)');
  });

  it('is a line an epoch in a log', () => {
    const lines: string[] = [];
    const show = trainProgress({ isTTY: false, write: (line) => lines.push(line) }, () => 0);
    for (const number of [1, 2, 3]) show(epoch(number));
    expect(lines).toHaveLength(3);
    expect(lines.join('')).not.toContain('\r');
  });
});
