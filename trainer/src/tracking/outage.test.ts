/** A real MLflow that goes away, and comes back or not, under runs that go on. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectEpochs, outages, steps } from '../../test/outages.ts';
import { anEpoch, DATASET, FIGURES, PASSED } from '../../test/tracked.ts';
import { catchUp } from './catch-up.ts';

const at = outages('outage');

describe('an MLflow that is killed in the middle of a run', () => {
  it(
    'has everything in the end, in order and once: epochs, load, files, package, a trial, the version',
    { timeout: 180_000 },
    async () => {
      const log = await at.openRun();
      await log.start({ seed: '7' }, DATASET);
      log.system.start({ everyMs: 100 });
      for (const epoch of steps(5)) await log.epoch(anEpoch(epoch));
      await at.kill();
      for (const epoch of [6, 7]) await log.epoch(anEpoch(epoch));
      await at.seen('tracking-away');
      // From here on the run is told of no wait.
      for (const epoch of steps(30).slice(7)) await log.epoch(anEpoch(epoch));
      const trial = await log.child({ index: 0, name: 'trial 0', params: { 'hyperparameters.seed': '8' } });
      await trial.epoch(anEpoch(1));
      await trial.finish();
      await log.upload({
        evaluation: FIGURES,
        bestEpoch: 30,
        digest: at.packaged.digest,
        packageDir: at.packaged.dir,
        verdict: PASSED,
        files: { 'roc.csv': Buffer.from('fpr,tpr\n') },
        metrics: { 'test/sensitivity': 0.9 },
      });
      await at.restart();
      const model = await log.register(
        { model: 'lung-outage', alias: 'champion' },
        at.packaged.digest,
        PASSED,
      );
      const { runId } = log.run;
      await log.finish();

      expect(at.types()).toEqual(['tracking-away', 'tracking-caught-up']);
      expect(existsSync(at.spoolDir)).toBe(false);
      await expectEpochs(at.mlflow, runId, 30);
      const run = await at.mlflow.getRun(runId);
      expect(run).toMatchObject({
        status: 'FINISHED',
        params: { seed: '7' },
        tags: { 'hilum.digest': at.packaged.digest },
        metrics: { 'test/auc_roc': FIGURES.aucRoc, 'test/sensitivity': 0.9, best_epoch: 30 },
      });
      const loads = await at.mlflow.metricHistory(runId, 'system/system_memory_usage_megabytes');
      expect(new Set(loads.map(({ timestampMs }) => timestampMs)).size).toBe(loads.length);
      expect((await at.mlflow.listArtifacts(runId)).map(({ path }) => path).toSorted()).toEqual([
        'model',
        'roc.csv',
      ]);
      expect(model).toEqual({
        name: 'lung-outage',
        version: '1',
        digest: at.packaged.digest,
        alias: 'champion',
      });
      const into = join(at.scratch, 'back');
      await at.mlflow.downloadModel(await at.mlflow.resolveModel('models:/lung-outage@champion'), into);
      expect(await readFile(join(into, 'model.onnx'))).toEqual(
        await readFile(join(at.packaged.dir, 'model.onnx')),
      );

      await expectEpochs(at.mlflow, trial.run.runId, 1);
      expect(await at.mlflow.getRun(trial.run.runId)).toMatchObject({
        status: 'FINISHED',
        params: { 'hyperparameters.seed': '8' },
        tags: { 'mlflow.parentRunId': runId, 'hilum.trial.index': '0' },
      });
    },
  );
});

describe('an MLflow that hangs in the middle of a run', () => {
  it('holds up no epoch, and has all of them when it goes on', async () => {
    const log = await at.openRun();
    at.server.pause();
    try {
      for (const epoch of steps(40)) await log.epoch(anEpoch(epoch));
      await at.seen('tracking-away');
    } finally {
      at.server.resume();
    }
    await at.seen('tracking-caught-up');
    await expectEpochs(at.mlflow, log.run.runId, 40);
    await log.finish();
    expect(at.types()).toEqual(['tracking-away', 'tracking-caught-up']);
  });
});

describe('an MLflow that does not come back', () => {
  it('fails a run that requires it, with all kept, so that a later process completes it', async () => {
    const log = await at.openRun({ catchUpMs: 100 });
    await log.start({ seed: '7' }, DATASET);
    await at.way.cut();
    for (const epoch of steps(3)) await log.epoch(anEpoch(epoch));
    await log.upload({
      evaluation: FIGURES,
      bestEpoch: 3,
      digest: at.packaged.digest,
      packageDir: at.packaged.dir,
      verdict: PASSED,
      files: { 'roc.csv': Buffer.from('fpr,tpr\n') },
    });
    const registering = log.register({ model: 'lung-late' }, at.packaged.digest, PASSED);
    await expect(registering).rejects.toMatchObject({
      code: 'TRACKING_UNREACHABLE',
      retryable: true,
      message: expect.stringContaining(`hilum track-sync --spool ${at.spoolDir}`) as string,
    });
    await log.abandon('FAILED'); // as train() does
    expect(at.events.at(-1)).toEqual({ type: 'tracking-left', spool: at.spoolDir, entries: 8 });
    const sync = catchUp(at.spoolDir, at.mlflow, { now: Date.now, withinMs: 10 });
    await expect(sync).rejects.toMatchObject({ code: 'TRACKING_UNREACHABLE' });

    await at.way.mend();
    expect(await catchUp(at.spoolDir, at.mlflow, { now: Date.now })).toEqual({ entries: 8, refused: [] });
    await expectEpochs(at.mlflow, log.run.runId, 3);
    expect((await at.mlflow.getRun(log.run.runId)).status).toBe('FINISHED');
    expect((await at.mlflow.getModelVersion('lung-late', '1')).tags['hilum.digest']).toBe(at.packaged.digest);
    expect(existsSync(at.spoolDir)).toBe(false);
  });

  it('is no reason for a retry to compute anything again: it sends the rest first', async () => {
    const log = await at.openRun({ catchUpMs: 100 });
    await at.way.cut();
    await log.epoch(anEpoch(1));
    const { digest, dir: packageDir } = at.packaged;
    await log.upload({ evaluation: FIGURES, bestEpoch: 1, digest, packageDir, verdict: PASSED, files: {} });
    await expect(log.finish()).rejects.toMatchObject({ code: 'TRACKING_UNREACHABLE' });
    await at.way.mend();
    const again = await at.openRun();
    expect(again.run.runId).toBe(log.run.runId);
    expect(again.uploaded).toEqual({
      digest,
      verdict: PASSED,
      figures: { accuracy: 0.75, aucRoc: 0.875 },
    });
    await again.finish();
    await expectEpochs(at.mlflow, log.run.runId, 1);
  });

  it('is done without by a run that does not require it: it begins, ends, and is made later', async () => {
    await at.way.cut();
    const log = await at.openRun({ required: false, catchUpMs: 100 });
    const localId = log.run.runId;
    expect(localId).toMatch(/^local-/);
    await log.start({ seed: '7' }, DATASET);
    for (const epoch of steps(4)) await log.epoch(anEpoch(epoch));
    const { digest, dir: packageDir } = at.packaged;
    await log.upload({ evaluation: FIGURES, bestEpoch: 4, digest, packageDir, verdict: PASSED, files: {} });
    const registration = { model: 'lung-pending', alias: 'champion' };
    expect(await log.register(registration, digest, PASSED)).toEqual({
      name: 'lung-pending',
      version: 'pending',
      digest,
      alias: 'champion',
      pending: true,
    });
    await log.finish();
    expect(at.types()).toEqual(['tracking-away', 'tracking-left']);

    await at.way.mend();
    expect((await catchUp(at.spoolDir, at.mlflow, { now: Date.now })).refused).toEqual([]);
    const version = await at.mlflow.resolveModel('models:/lung-pending@champion');
    await expectEpochs(at.mlflow, version.runId, 4);
    expect(await at.mlflow.getRun(version.runId)).toMatchObject({
      status: 'FINISHED',
      tags: { 'hilum.localId': localId, 'hilum.trainingrun.uid': at.uid },
    });
  });

  it('keeps a run from starting that requires it', async () => {
    await at.way.cut();
    await expect(at.openRun()).rejects.toMatchObject({ code: 'TRACKING_UNREACHABLE', retryable: true });
    expect(existsSync(at.spoolDir)).toBe(false);
    await at.way.mend();
  });
});
