/** The same tracked run in each kind of MLflow: what one of them lacks is done another way, and said. */
import { join } from 'node:path';
import { startMlflow, startPostgres, startTokenFront } from '@hilum/hack';
import { createMlflow, type MlflowClient } from '@hilum/mlflow';
import type { PackageInfo } from '@hilum/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchDir } from '../../test/scratch.ts';
import { aPackage, anEpoch, DATASET, FIGURES, PASSED } from '../../test/tracked.ts';
import { RunLog, type TrackingEvent } from '../tracking.ts';

const scratch = scratchDir('servers');
const ADMIN = { username: 'admin', password: 'a password of 22 chars' };
const TOKEN = 'a1b2c3d4e5';
const REGISTRY = '/api/2.0/mlflow/registered-models';

let clients: Record<'full' | 'hosted' | 'without registry' | 'without aliases and datasets', MlflowClient>;
const stops: (() => Promise<void>)[] = [];
let packaged: PackageInfo;

beforeAll(async () => {
  const [full, old, made] = await Promise.all([
    postgresWithPassword(),
    startMlflow({ major: 2 }),
    aPackage(join(scratch, 'package')),
  ]);
  packaged = made;
  stops.push(() => old.stop());
  const hosted = async (...without: string[]): Promise<MlflowClient> => {
    const front = await startTokenFront(old.url, TOKEN, without);
    stops.push(() => front.stop());
    return createMlflow({ baseUrl: front.url, token: TOKEN, profile: 'dagshub' });
  };
  clients = {
    full,
    hosted: await hosted(),
    'without registry': await hosted(REGISTRY, '/api/2.0/mlflow/model-versions'),
    'without aliases and datasets': await hosted(`${REGISTRY}/alias`, '/api/2.0/mlflow/runs/log-inputs'),
  };
});
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

async function postgresWithPassword(): Promise<MlflowClient> {
  const postgres = await startPostgres();
  stops.push(() => postgres.stop());
  const server = await startMlflow({ backendStoreUri: postgres.uri, auth: ADMIN });
  stops.push(() => server.stop());
  return createMlflow({ baseUrl: server.url, ...ADMIN });
}

interface Told {
  readonly log: RunLog;
  readonly notes: readonly string[];
}

/** A whole run but for its registration. */
async function aToldRun(mlflow: MlflowClient): Promise<Told> {
  const notes: string[] = [];
  const onEvent = (event: TrackingEvent): void => {
    if (event.type === 'tracking-note') notes.push(event.note);
  };
  const log = await RunLog.open(
    { mlflow, experiment: 'servers', runName: 'run', spool: { dir: join(scratch, 'spool') }, onEvent },
    { now: Date.now },
  );
  await log.start({ seed: '7' }, DATASET);
  for (const epoch of [1, 2, 3]) await log.epoch(anEpoch(epoch));
  const trial = await log.child({ index: 1, name: 'trial 1', params: { lr: '0.1' } });
  await trial.finish();
  const { digest, dir: packageDir } = packaged;
  const files = { 'roc.csv': Buffer.from('fpr,tpr\n') };
  await log.upload({ evaluation: FIGURES, bestEpoch: 3, digest, packageDir, verdict: PASSED, files });
  return { log, notes };
}

describe.each([
  { name: 'full', what: 'MLflow 3.17 on PostgreSQL with a password', notes: [] },
  { name: 'hosted', what: 'MLflow 2.7 behind a token', notes: [/logged models/] },
  {
    name: 'without aliases and datasets',
    what: 'MLflow 2.7 behind a token, without aliases and datasets',
    notes: [/dataset inputs/, /logged models/, /aliases/],
  },
] as const)('a run in $what', ({ name, notes: expected }) => {
  it('ends with its curve, its files, its trial and its version, and says what is done another way', async () => {
    const mlflow = clients[name];
    const { log, notes } = await aToldRun(mlflow);
    const { digest } = packaged;
    const registered = await log.register({ model: 'lung', alias: 'champion' }, digest, PASSED);
    await log.finish();
    const { runId, experimentId } = log.run;
    const run = await mlflow.getRun(runId);
    expect(run).toMatchObject({
      status: 'FINISHED',
      params: { seed: '7' },
      metrics: { 'test/auc_roc': 0.875, best_epoch: 3, epoch: 3 },
      tags: { 'hilum.digest': digest },
    });
    expect((await mlflow.metricHistory(runId, 'val/auc_roc')).map(({ step }) => step)).toEqual([1, 2, 3]);
    expect((await mlflow.listArtifacts(runId)).map(({ path }) => path).toSorted()).toEqual([
      'model',
      'roc.csv',
    ]);
    const trial = { 'mlflow.parentRunId': runId, 'hilum.trial.index': '1' };
    expect((await mlflow.findRun(experimentId, trial))?.status).toBe('FINISHED');
    const version = await mlflow.getModelVersion('lung', registered.version);
    expect(version).toMatchObject({ runId, tags: { 'hilum.digest': digest } });
    expect(registered.alias).toBe(notes.some((note) => note.includes('aliases')) ? undefined : 'champion');
    expect(notes).toEqual(expected.map((note) => expect.stringMatching(note) as string));
    // A model is known either way.
    expect(run.tags['mlflow.log-model.history'] === undefined).toBe(name === 'full');
    const isNoted = name === 'without aliases and datasets';
    expect(run.tags['hilum.dataset.digest']).toBe(isNoted ? DATASET.digest : undefined);
  });
});

describe('a run in MLflow 3.17', () => {
  it('has a logged model with its figures and the dataset that they are about', async () => {
    const { log } = await aToldRun(clients.full);
    await log.finish();
    const { runId, experimentId } = log.run;
    const model = await clients.full.ensureLoggedModel({ experimentId, runId, name: 'model' });
    expect(model).toMatchObject({
      status: 'LOGGED_MODEL_READY',
      tags: { 'hilum.digest': packaged.digest, 'hilum.package': `runs:/${runId}/model` },
    });
    const authorization = `Basic ${Buffer.from(`${ADMIN.username}:${ADMIN.password}`).toString('base64')}`;
    const address = `${clients.full.baseUrl}/api/2.0/mlflow/logged-models/${model.modelId}`;
    const answer = await fetch(address, { headers: { authorization } });
    const auc = { key: 'test/auc_roc', value: 0.875, step: 3, run_id: runId };
    const about = { dataset_name: DATASET.name, dataset_digest: DATASET.digest };
    expect(await answer.json()).toMatchObject({
      model: {
        data: { metrics: expect.arrayContaining([expect.objectContaining({ ...auc, ...about })]) as unknown },
      },
    });
  });
});

describe('a run in an MLflow without a registry', () => {
  it('is FINISHED with its files, and whoever wanted the model registered is told what to do', async () => {
    const mlflow = clients['without registry'];
    const { log } = await aToldRun(mlflow);
    await expect(log.register({ model: 'lung' }, packaged.digest, PASSED)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      retryable: false,
      message: expect.stringMatching(
        /^REGISTRY_MISSING: .* use a server that has one, or register nothing/,
      ) as string,
    });
    await log.abandon('FAILED'); // as train() does after an error
    expect(await mlflow.getRun(log.run.runId)).toMatchObject({
      status: 'FINISHED',
      tags: { 'hilum.digest': packaged.digest },
    });
  });
});

describe('a run with a wrong password', () => {
  it.each([true, false])('does not start, whether MLflow is required or not (%s)', async (required) => {
    const mlflow = createMlflow({
      baseUrl: clients.full.baseUrl,
      username: 'admin',
      password: 'no such password',
    });
    const opening = RunLog.open(
      { mlflow, experiment: 'servers', runName: 'run', required },
      { now: Date.now },
    );
    await expect(opening).rejects.toMatchObject({ code: 'TRACKING_REFUSED' });
  });
});
