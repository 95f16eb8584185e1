/** Runs that are killed and gone on with, and what MLflow does not take. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectEpochs, outages, steps } from '../../test/outages.ts';
import { aPackage, anEpoch, DATASET, FIGURES, PASSED } from '../../test/tracked.ts';
import { catchUp } from './catch-up.ts';

const at = outages('interrupted');

describe('an MLflow that does not know the password any more', () => {
  it('does not fail the training; its end is refused, with all kept for when the password is right', async () => {
    let isRevoked = false;
    const changing = at.client({
      fetch: (...asked) =>
        isRevoked ? Promise.resolve(new Response('no', { status: 401 })) : fetch(...asked),
    });
    // Two minutes are the default: what waiting does not heal is not waited for.
    const log = await at.openRun({ mlflow: changing });
    await log.start({ seed: '7' }, DATASET);
    isRevoked = true;
    for (const epoch of steps(3)) await log.epoch(anEpoch(epoch));
    await expect(log.finish()).rejects.toMatchObject({
      code: 'TRACKING_REFUSED',
      message: expect.stringMatching(/^UNAUTHENTICATED: .* 4 entries are kept in /) as string,
    });
    expect(await catchUp(at.spoolDir, at.mlflow, { now: Date.now })).toEqual({ entries: 4, refused: [] });
    await expectEpochs(at.mlflow, log.run.runId, 3);
  });
});

describe('an experiment that is deleted before MLflow hears of a run', () => {
  it('holds up the run, with all kept, until it is there again', async () => {
    const experiment = `deleted-${at.uid}`;
    const experimentId = await at.mlflow.ensureExperiment(experiment);
    await at.way.cut();
    const log = await at.openRun({ experiment, required: false, catchUpMs: 10 });
    for (const epoch of steps(2)) await log.epoch(anEpoch(epoch));
    await log.finish();
    await at.way.mend();
    await at.post('experiments/delete', { experiment_id: experimentId });
    await expect(catchUp(at.spoolDir, at.mlflow, { now: Date.now })).rejects.toMatchObject({
      code: 'TRACKING_REFUSED',
      message: expect.stringMatching(/^EXPERIMENT_DELETED: .* 4 of 4 entries are left/) as string,
    });
    await at.post('experiments/restore', { experiment_id: experimentId });
    expect(await catchUp(at.spoolDir, at.mlflow, { now: Date.now })).toEqual({ entries: 4, refused: [] });
    const run = await at.mlflow.findRun(experimentId, { 'hilum.trainingrun.uid': at.uid });
    await expectEpochs(at.mlflow, run?.runId ?? '', 2);
  });
});

describe('a run that is killed', () => {
  it.each([
    { what: 'while MLflow is there', isAway: false },
    { what: 'while MLflow is away', isAway: true },
  ])(
    '$what is gone on with by the next process: the same run, no epoch twice, though it tells all again',
    async ({ isAway }) => {
      if (isAway) await at.way.cut();
      const script = join(import.meta.dirname, '..', '..', 'test', 'killed-run.ts');
      const args = [script, at.way.url, at.spoolDir, at.uid, '6', String(!isAway)];
      const killed = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(killed.stdout, 'data');
      killed.kill('SIGKILL');
      await once(killed, 'exit');
      expect(existsSync(join(at.spoolDir, 'journal'))).toBe(true);
      if (isAway) await at.way.mend();

      const log = await at.openRun();
      // As after a checkpoint of epoch 4: the two after it are computed, and told, again; at another time of day.
      for (const epoch of [5, 6]) await log.epoch({ ...anEpoch(epoch), endedAtMs: Date.now() });
      await log.epoch(anEpoch(7));
      await log.finish();
      await expectEpochs(at.mlflow, log.run.runId, 7);
      const { experimentId } = log.run;
      const found = await at.mlflow.findRun(experimentId, { 'hilum.trainingrun.uid': at.uid });
      expect(found?.runId).toBe(log.run.runId);
      expect(await runsOf(experimentId, at.uid)).toBe(1);
    },
  );

  it('finds its trials again by their number', async () => {
    const first = await at.openRun();
    const trial = await first.child({ index: 3, name: 'trial 3', params: { lr: '0.1' } });
    await trial.epoch(anEpoch(1));
    await trial.abandon('KILLED');
    await first.abandon('KILLED');
    expect((await at.mlflow.getRun(trial.run.runId)).status).toBe('KILLED');

    const second = await at.openRun();
    const again = await second.child({ index: 3, name: 'trial 3', params: { lr: '0.1' } });
    const other = await second.child({ index: 4, name: 'trial 4', params: { lr: '0.2' } });
    for (const epoch of [1, 2]) await again.epoch(anEpoch(epoch, Date.now()));
    await again.finish();
    await other.finish();
    await second.finish();
    expect(again.run.runId).toBe(trial.run.runId);
    expect(other.run.runId).not.toBe(trial.run.runId);
    const history = await at.mlflow.metricHistory(trial.run.runId, 'epoch');
    expect(history.map(({ step }) => step)).toEqual([1, 2]);
    expect(history[0]?.timestampMs).toBe(anEpoch(1).endedAtMs);
  });
});

describe('files that are told while MLflow is away', () => {
  it('are copied where they are small, and have to stay where they are large', async () => {
    const small = join(at.scratch, 'small.txt');
    const large = join(at.scratch, 'large.bin');
    await writeFile(small, 'small');
    await writeFile(large, Buffer.alloc(9 * 2 ** 20, 3));
    const log = await at.openRun();
    await at.way.cut();
    await log.files({ 'plots/small.txt': small, 'large.bin': large, 'bytes.txt': Buffer.from('bytes') });
    await rm(small);
    await at.way.mend();
    await log.finish();
    const { runId } = log.run;
    const into = join(at.scratch, 'back');
    for (const [path, want] of [
      ['plots/small.txt', 'small'],
      ['bytes.txt', 'bytes'],
    ] as const) {
      await at.mlflow.downloadFile(runId, path, into);
      expect(await readFile(into, 'utf8')).toBe(want);
    }
    await at.mlflow.downloadFile(runId, 'large.bin', into);
    expect(await readFile(into)).toEqual(await readFile(large));
  });
});

describe('what MLflow refuses', () => {
  it('fails the run: a parameter that was another in an earlier try', async () => {
    const first = await at.openRun();
    await first.start({ seed: '7' }, DATASET);
    await first.abandon('FAILED');
    const second = await at.openRun();
    await expect(second.start({ seed: '8' }, DATASET)).rejects.toMatchObject({ code: 'TRACKING_REFUSED' });
    await second.abandon('FAILED');
    expect((await at.mlflow.getRun(second.run.runId)).params).toEqual({ seed: '7' });
  });

  it('is no FINISHED run, though it is found out at the end only', async () => {
    const log = await at.openRun();
    await log.start({ seed: '7' }, DATASET);
    await log.tags({ ['k'.repeat(251)]: 'a key that is too long' });
    await expect(log.finish()).rejects.toMatchObject({ code: 'TRACKING_REFUSED' });
    await log.abandon('FAILED'); // as train() does
    expect((await at.mlflow.getRun(log.run.runId)).status).toBe('FAILED');
  });

  it('is a package that is not the one that was told, by the time that it is sent: nothing is registered', async () => {
    const dir = join(at.scratch, 'moved');
    const moved = await aPackage(dir);
    const log = await at.openRun({ required: false, catchUpMs: 100 });
    await at.way.cut();
    await log.epoch(anEpoch(1));
    await log.upload({
      evaluation: FIGURES,
      bestEpoch: 1,
      digest: moved.digest,
      packageDir: dir,
      verdict: PASSED,
      files: {},
    });
    await log.register({ model: 'lung-moved', alias: 'champion' }, moved.digest, PASSED);
    await log.finish();
    await rm(join(dir, 'model.onnx'));
    await at.way.mend();
    const { entries, refused } = await catchUp(at.spoolDir, at.mlflow, { now: Date.now });
    expect(entries).toBe(3); // epoch, verdict, end
    expect(refused).toEqual([
      expect.stringContaining('package: ') as string,
      expect.stringMatching(/^register: .* does not hold the package/) as string,
    ]);
    await expect(at.mlflow.getModelVersion('lung-moved', '1')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
    const run = await at.mlflow.getRun(log.run.runId);
    expect(run.tags['hilum.digest']).toBeUndefined();
    expect(run.status).toBe('FINISHED');
  });
});

async function runsOf(experimentId: string, uid: string): Promise<number> {
  const filter = `tags.\`hilum.trainingrun.uid\` = '${uid}'`;
  const answer = await at.post('runs/search', { experiment_ids: [experimentId], filter });
  return (answer as { runs?: unknown[] }).runs?.length ?? 0;
}
