/** A real MLflow that goes away and comes back, under runs that go on; and runs that go away themselves. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startMlflow, type MlflowServer } from '@hilum/hack';
import { createMlflow, type MlflowClient } from '@hilum/mlflow';
import type { PackageInfo } from '@hilum/model';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startRelay, type Relay } from '../../test/relay.ts';
import { scratchDir } from '../../test/scratch.ts';
import { aPackage, anEpoch, DATASET, FIGURES } from '../../test/tracked.ts';
import { RunLog, type TrackingEvent, type TrackingOptions } from '../tracking.ts';
import { catchUp } from './catch-up.ts';

const scratch = scratchDir('outage');
const place = join(scratch, 'mlflow');
const NO_GATE = { passed: true, message: 'no gate' };
const steps = (upTo: number): number[] => Array.from({ length: upTo }, (_, at) => at + 1);

let server: MlflowServer;
let way: Relay;
let mlflow: MlflowClient;
let packaged: PackageInfo;

beforeAll(async () => {
  await mkdir(place);
  [server, packaged] = await Promise.all([startMlflow({ dir: place }), aPackage(join(scratch, 'package'))]);
  way = await startRelay(server.url);
  // An outage is seen after two seconds: a run of a test has no hours.
  mlflow = createMlflow({ baseUrl: way.url, timeoutMs: 2_000 });
});
afterAll(async () => {
  await way.cut();
  await server.stop();
});

let events: TrackingEvent[];
let runs = 0;
beforeEach(() => {
  events = [];
  runs += 1;
});
const types = (): string[] => events.map(({ type }) => type);
const spoolDir = (): string => join(scratch, `spool-${runs}`);

function openRun(changes: Partial<TrackingOptions> = {}): Promise<RunLog> {
  const options = {
    mlflow,
    experiment: 'outages',
    runName: 'run',
    trainingRun: { name: 'lung', namespace: 'team-a', uid: `uid-${runs}` },
    spool: { dir: spoolDir() },
    onEvent: (event: TrackingEvent) => events.push(event),
    ...changes,
  };
  return RunLog.open(options, { now: Date.now });
}

const seen = (type: TrackingEvent['type']): Promise<void> =>
  vi.waitFor(() => expect(types()).toContain(type), { timeout: 30_000 });

/** Every epoch once, in order, with the time and the values that it was told with. */
async function expectEpochs(runId: string, upTo: number): Promise<void> {
  for (const key of ['epoch', 'train/loss', 'val/loss', 'val/accuracy', 'val/auc_roc']) {
    const history = await mlflow.metricHistory(runId, key);
    expect(history.map(({ step }) => step)).toEqual(steps(upTo));
    expect(history.map(({ timestampMs }) => timestampMs)).toEqual(
      steps(upTo).map((epoch) => anEpoch(epoch).endedAtMs),
    );
  }
  const losses = await mlflow.metricHistory(runId, 'train/loss');
  expect(losses.map(({ value }) => value)).toEqual(steps(upTo).map((epoch) => anEpoch(epoch).loss));
}

describe('an MLflow that is killed in the middle of a run', () => {
  it('has everything in the end, in order and once: epochs, load, files, package, a trial, the version', async () => {
    const log = await openRun();
    await log.start({ seed: '7' }, DATASET);
    log.system.start({ everyMs: 100 });
    for (const epoch of steps(5)) await log.epoch(anEpoch(epoch));
    await server.stop();
    for (const epoch of [6, 7]) await log.epoch(anEpoch(epoch));
    await seen('tracking-away');
    // From here on the run is told of no wait.
    for (const epoch of steps(30).slice(7)) await log.epoch(anEpoch(epoch));
    const trial = await log.child({ index: 0, name: 'trial 0', params: { 'hyperparameters.seed': '8' } });
    await trial.epoch(anEpoch(1));
    await trial.finish();
    await log.upload({
      evaluation: FIGURES,
      bestEpoch: 30,
      digest: packaged.digest,
      packageDir: packaged.dir,
      files: { 'roc.csv': Buffer.from('fpr,tpr\n') },
      metrics: { 'test/sensitivity': 0.9 },
    });
    server = await startMlflow({ dir: place, port: Number(new URL(server.url).port) });
    const model = await log.register({ model: 'lung-outage', alias: 'champion' }, packaged.digest, NO_GATE);
    const { runId } = log.run;
    await log.finish();

    expect(types()).toEqual(['tracking-away', 'tracking-caught-up']);
    expect(existsSync(spoolDir())).toBe(false);
    await expectEpochs(runId, 30);
    const run = await mlflow.getRun(runId);
    expect(run).toMatchObject({
      status: 'FINISHED',
      params: { seed: '7' },
      tags: { 'hilum.digest': packaged.digest },
      metrics: { 'test/auc_roc': FIGURES.aucRoc, 'test/sensitivity': 0.9, best_epoch: 30 },
    });
    const loads = await mlflow.metricHistory(runId, 'system/system_memory_usage_megabytes');
    expect(new Set(loads.map(({ timestampMs }) => timestampMs)).size).toBe(loads.length);
    expect((await mlflow.listArtifacts(runId)).map(({ path }) => path).toSorted()).toEqual([
      'model',
      'roc.csv',
    ]);
    expect(model).toEqual({ name: 'lung-outage', version: '1', digest: packaged.digest, alias: 'champion' });
    const into = join(scratch, 'back');
    await mlflow.downloadModel(await mlflow.resolveModel('models:/lung-outage@champion'), into);
    expect(await readFile(join(into, 'model.onnx'))).toEqual(
      await readFile(join(packaged.dir, 'model.onnx')),
    );

    await expectEpochs(trial.run.runId, 1);
    expect(await mlflow.getRun(trial.run.runId)).toMatchObject({
      status: 'FINISHED',
      params: { 'hyperparameters.seed': '8' },
      tags: { 'mlflow.parentRunId': runId, 'hilum.trial.index': '0' },
    });
  });
});

describe('an MLflow that hangs in the middle of a run', () => {
  it('holds up no epoch, and has all of them when it goes on', async () => {
    const log = await openRun();
    server.pause();
    try {
      for (const epoch of steps(40)) await log.epoch(anEpoch(epoch));
      await seen('tracking-away');
    } finally {
      server.resume();
    }
    await seen('tracking-caught-up');
    await expectEpochs(log.run.runId, 40);
    await log.finish();
    expect(types()).toEqual(['tracking-away', 'tracking-caught-up']);
  });
});

describe('an MLflow that does not come back', () => {
  it('fails a run that requires it, with all kept, so that a later process completes it', async () => {
    const log = await openRun({ catchUpMs: 100 });
    await log.start({ seed: '7' }, DATASET);
    await way.cut();
    for (const epoch of steps(3)) await log.epoch(anEpoch(epoch));
    await log.upload({
      evaluation: FIGURES,
      bestEpoch: 3,
      digest: packaged.digest,
      packageDir: packaged.dir,
      files: { 'roc.csv': Buffer.from('fpr,tpr\n') },
    });
    const registering = log.register({ model: 'lung-late' }, packaged.digest, NO_GATE);
    await expect(registering).rejects.toMatchObject({
      code: 'TRACKING_UNREACHABLE',
      retryable: true,
      message: expect.stringContaining(`hilum track-sync --spool ${spoolDir()}`) as string,
    });
    await log.abandon('FAILED'); // as train() does
    expect(events.at(-1)).toEqual({ type: 'tracking-left', spool: spoolDir(), entries: 7 });
    const sync = catchUp(spoolDir(), mlflow, { now: Date.now, withinMs: 10 });
    await expect(sync).rejects.toMatchObject({ code: 'TRACKING_UNREACHABLE' });

    await way.mend();
    expect(await catchUp(spoolDir(), mlflow, { now: Date.now })).toEqual({ entries: 7, refused: [] });
    await expectEpochs(log.run.runId, 3);
    expect((await mlflow.getRun(log.run.runId)).status).toBe('FINISHED');
    expect((await mlflow.getModelVersion('lung-late', '1')).tags['hilum.digest']).toBe(packaged.digest);
    expect(existsSync(spoolDir())).toBe(false);
  });

  it('is no reason for a retry to compute anything again: it sends the rest first', async () => {
    const log = await openRun({ catchUpMs: 100 });
    await way.cut();
    await log.epoch(anEpoch(1));
    const { digest, dir: packageDir } = packaged;
    await log.upload({ evaluation: FIGURES, bestEpoch: 1, digest, packageDir, files: {} });
    await expect(log.finish()).rejects.toMatchObject({ code: 'TRACKING_UNREACHABLE' });
    await way.mend();
    const again = await openRun();
    expect(again.run.runId).toBe(log.run.runId);
    expect(again.uploaded).toEqual({ digest, figures: { accuracy: 0.75, aucRoc: 0.875 } });
    await again.finish();
    await expectEpochs(log.run.runId, 1);
  });

  it('is done without by a run that does not require it: it begins, ends, and is made later', async () => {
    await way.cut();
    const log = await openRun({ required: false, catchUpMs: 100 });
    const localId = log.run.runId;
    expect(localId).toMatch(/^local-/);
    await log.start({ seed: '7' }, DATASET);
    for (const epoch of steps(4)) await log.epoch(anEpoch(epoch));
    const { digest, dir: packageDir } = packaged;
    await log.upload({ evaluation: FIGURES, bestEpoch: 4, digest, packageDir, files: {} });
    const registration = { model: 'lung-pending', alias: 'champion' };
    expect(await log.register(registration, digest, NO_GATE)).toEqual({
      name: 'lung-pending',
      version: 'pending',
      digest,
      alias: 'champion',
      pending: true,
    });
    await log.finish();
    expect(types()).toEqual(['tracking-away', 'tracking-left']);

    await way.mend();
    expect((await catchUp(spoolDir(), mlflow, { now: Date.now })).refused).toEqual([]);
    const version = await mlflow.resolveModel('models:/lung-pending@champion');
    await expectEpochs(version.runId, 4);
    expect(await mlflow.getRun(version.runId)).toMatchObject({
      status: 'FINISHED',
      tags: { 'hilum.localId': localId, 'hilum.trainingrun.uid': `uid-${runs}` },
    });
  });

  it('keeps a run from starting that requires it', async () => {
    await way.cut();
    await expect(openRun()).rejects.toMatchObject({ code: 'TRACKING_UNREACHABLE', retryable: true });
    expect(existsSync(spoolDir())).toBe(false);
    await way.mend();
  });
});

describe('a run that is killed', () => {
  it.each([
    { what: 'while MLflow is there', isAway: false },
    { what: 'while MLflow is away', isAway: true },
  ])(
    '$what is gone on with by the next process: the same run, no epoch twice, though it tells all again',
    async ({ isAway }) => {
      if (isAway) await way.cut();
      const script = join(import.meta.dirname, '..', '..', 'test', 'killed-run.ts');
      const args = [script, way.url, spoolDir(), `uid-${runs}`, '6', String(!isAway)];
      const killed = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(killed.stdout, 'data');
      killed.kill('SIGKILL');
      await once(killed, 'exit');
      expect(existsSync(join(spoolDir(), 'journal'))).toBe(true);
      if (isAway) await way.mend();

      const log = await openRun();
      // As after a checkpoint of epoch 4: the two after it are computed, and told, again; at another time of day.
      for (const epoch of [5, 6]) await log.epoch({ ...anEpoch(epoch), endedAtMs: Date.now() });
      await log.epoch(anEpoch(7));
      await log.finish();
      await expectEpochs(log.run.runId, 7);
      const { experimentId } = log.run;
      const found = await mlflow.findRun(experimentId, { 'hilum.trainingrun.uid': `uid-${runs}` });
      expect(found?.runId).toBe(log.run.runId);
      expect(await runsOf(experimentId, `uid-${runs}`)).toBe(1);
    },
  );

  it('finds its trials again by their number', async () => {
    const first = await openRun();
    const trial = await first.child({ index: 3, name: 'trial 3', params: { lr: '0.1' } });
    await trial.epoch(anEpoch(1));
    await trial.abandon('KILLED');
    await first.abandon('KILLED');
    expect((await mlflow.getRun(trial.run.runId)).status).toBe('KILLED');

    const second = await openRun();
    const again = await second.child({ index: 3, name: 'trial 3', params: { lr: '0.1' } });
    const other = await second.child({ index: 4, name: 'trial 4', params: { lr: '0.2' } });
    for (const epoch of [1, 2]) await again.epoch(anEpoch(epoch, Date.now()));
    await again.finish();
    await other.finish();
    await second.finish();
    expect(again.run.runId).toBe(trial.run.runId);
    expect(other.run.runId).not.toBe(trial.run.runId);
    const history = await mlflow.metricHistory(trial.run.runId, 'epoch');
    expect(history.map(({ step }) => step)).toEqual([1, 2]);
    expect(history[0]?.timestampMs).toBe(anEpoch(1).endedAtMs);
  });
});

describe('what MLflow refuses', () => {
  it('fails the run: a parameter that was another in an earlier try', async () => {
    const first = await openRun();
    await first.start({ seed: '7' }, DATASET);
    await first.abandon('FAILED');
    const second = await openRun();
    await expect(second.start({ seed: '8' }, DATASET)).rejects.toMatchObject({ code: 'TRACKING_REFUSED' });
    await second.abandon('FAILED');
    expect((await mlflow.getRun(second.run.runId)).params).toEqual({ seed: '7' });
  });

  it('is a package that is not the one that was told, by the time that it is sent', async () => {
    const dir = join(scratch, 'moved');
    const moved = await aPackage(dir);
    const log = await openRun({ required: false, catchUpMs: 100 });
    await way.cut();
    await log.epoch(anEpoch(1));
    await log.upload({ evaluation: FIGURES, bestEpoch: 1, digest: moved.digest, packageDir: dir, files: {} });
    await log.finish();
    await rm(join(dir, 'model.onnx'));
    await way.mend();
    const { entries, refused } = await catchUp(spoolDir(), mlflow, { now: Date.now });
    expect(entries).toBe(2);
    expect(refused).toEqual([expect.stringContaining('package: ') as string]);
    const run = await mlflow.getRun(log.run.runId);
    expect(run.tags['hilum.digest']).toBeUndefined();
    expect(run.status).toBe('FINISHED');
  });
});

async function runsOf(experimentId: string, uid: string): Promise<number> {
  const answer = await fetch(`${server.url}/api/2.0/mlflow/runs/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      experiment_ids: [experimentId],
      filter: `tags.\`hilum.trainingrun.uid\` = '${uid}'`,
    }),
  });
  return ((await answer.json()) as { runs?: unknown[] }).runs?.length ?? 0;
}
