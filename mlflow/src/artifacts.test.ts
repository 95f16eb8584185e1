import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMlflow, type MlflowServer } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  createMlflow,
  type DownloadProgress,
  type MlflowClient,
  type ModelVersion,
  type Run,
} from './index.ts';

let server: MlflowServer;
let mlflow: MlflowClient;
let scratch: string;
let experimentId: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'hilum-artifacts-'));
  server = await startMlflow();
  mlflow = createMlflow({ baseUrl: server.url });
  experimentId = await mlflow.ensureExperiment('lung');
});
afterAll(async () => {
  await server?.stop();
  await rm(scratch, { recursive: true, force: true });
});

const newRun = (): Promise<Run> =>
  mlflow.createRun({ experimentId, name: 'first', startTimeMs: 1_700_000_000_000 });

/** A model version of what `write` puts in a folder. */
async function aVersion(name: string, files: Record<string, Uint8Array>): Promise<ModelVersion> {
  const dir = join(scratch, `${name}-source`);
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(join(dir, path, '..'), { recursive: true });
    await writeFile(join(dir, path), bytes);
  }
  const run = await newRun();
  await mlflow.uploadDirectory(run, 'model', dir);
  await mlflow.ensureRegisteredModel(name);
  return mlflow.createModelVersion({ name, source: `${run.artifactUri}/model`, runId: run.runId });
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('artifacts of the real MLflow', () => {
  it('lists what was uploaded, from bytes and from a file', async () => {
    const run = await newRun();
    await writeFile(join(scratch, 'roc.json'), '{"auc":0.9}');
    await mlflow.uploadFile(run, 'note.txt', Buffer.from('hello'));
    await mlflow.uploadFile(run, 'plots/roc curve é+.json', join(scratch, 'roc.json'));
    expect(await mlflow.listArtifacts(run.runId)).toEqual([
      { path: 'note.txt', isDirectory: false, bytes: 5 },
      { path: 'plots', isDirectory: true },
    ]);
    expect(await mlflow.listArtifacts(run.runId, 'plots')).toEqual([
      { path: 'plots/roc curve é+.json', isDirectory: false, bytes: 11 },
    ]);
    expect(await mlflow.listArtifacts(run.runId, 'nothing')).toEqual([]);
  });

  it('replaces a file that is uploaded again', async () => {
    const run = await newRun();
    await mlflow.uploadFile(run, 'note.txt', Buffer.from('long text'));
    await mlflow.uploadFile(run, 'note.txt', Buffer.from('short'));
    expect(await mlflow.listArtifacts(run.runId)).toEqual([
      { path: 'note.txt', isDirectory: false, bytes: 5 },
    ]);
  });

  it('brings a folder of 20 MB there and back, byte for byte', async () => {
    const files: Record<string, Uint8Array> = {
      'weights.bin': randomBytes(20_000_000),
      MLmodel: Buffer.from('flavors: {}\n'),
      'tfjs/deep/model.json': Buffer.from('{}'),
      'empty.txt': Buffer.alloc(0),
    };
    const version = await aVersion('big', files);
    const seen: DownloadProgress[] = [];
    const dir = join(scratch, 'big');
    await mlflow.downloadModel(version, dir, { onProgress: (progress) => seen.push(progress) });
    for (const [path, bytes] of Object.entries(files)) {
      expect(`${path} ${digest(await readFile(join(dir, path)))}`).toBe(`${path} ${digest(bytes)}`);
    }
    expect((await readdir(dir, { recursive: true })).filter((name) => name.endsWith('.part'))).toEqual([]);
    expect(seen.at(-1)).toEqual({ bytes: 20_000_014, totalBytes: 20_000_014 });
  });

  it('finds the files of a version whose source is a runs:/ URI', async () => {
    const run = await newRun();
    await mlflow.uploadFile(run, 'model/MLmodel', Buffer.from('flavors: {}\n'));
    await mlflow.ensureRegisteredModel('by-run');
    const source = `runs:/${run.runId}/model`;
    const version = await mlflow.createModelVersion({ name: 'by-run', source, runId: run.runId });
    await mlflow.downloadModel(version, join(scratch, 'by-run'));
    expect(await readFile(join(scratch, 'by-run', 'MLmodel'), 'utf8')).toBe('flavors: {}\n');
  });

  // The newer kind of source, which Python's log_model makes; Hilum reads it where somebody else registered a model.
  it('finds the files of a version that is a logged model', async () => {
    const run = await newRun();
    const logged = { experiment_id: experimentId, name: 'model', source_run_id: run.runId };
    const { model } = loggedAnswer.parse(await post('logged-models', logged));
    const { model_id: modelId, artifact_uri: artifactUri } = model.info;
    await mlflow.uploadFile({ ...run, artifactUri }, 'MLmodel', Buffer.from('flavors: {}\n'));
    await mlflow.ensureRegisteredModel('logged');
    await post('model-versions/create', { name: 'logged', source: `models:/${modelId}`, model_id: modelId });
    await mlflow.downloadModel(await mlflow.resolveModel('models:/logged/1'), join(scratch, 'logged'));
    expect(await readFile(join(scratch, 'logged', 'MLmodel'), 'utf8')).toBe('flavors: {}\n');
  });

  it('does not mix a download with what is in the folder', async () => {
    const version = await aVersion('mixed', { MLmodel: Buffer.from('x') });
    const dir = join(scratch, 'mixed');
    await mkdir(dir);
    await mlflow.downloadModel(version, dir);
    await expect(mlflow.downloadModel(version, dir)).rejects.toMatchObject({ code: 'DESTINATION_NOT_EMPTY' });
  });

  it('says when a version is registered but its files are gone', async () => {
    const run = await newRun();
    await mlflow.ensureRegisteredModel('hollow');
    const source = `${run.artifactUri}/never-uploaded`;
    const version = await mlflow.createModelVersion({ name: 'hollow', source, runId: run.runId });
    const download = mlflow.downloadModel(version, join(scratch, 'hollow'));
    await expect(download).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(existsSync(join(scratch, 'hollow'))).toBe(false);
  });

  it.each(['../other-run/model', '/etc/x', 'a/../../b'])('does not upload to %s', async (path) => {
    const run = await newRun();
    const upload = mlflow.uploadFile(run, path, Buffer.from('x'));
    await expect(upload).rejects.toMatchObject({ code: 'ARTIFACT_PATH_INVALID' });
  });

  it('does not follow a link out of an uploaded folder', async () => {
    const dir = join(scratch, 'linked');
    await mkdir(dir);
    await symlink('/etc/hostname', join(dir, 'hostname'));
    const upload = mlflow.uploadDirectory(await newRun(), 'model', dir);
    await expect(upload).rejects.toMatchObject({ code: 'ARTIFACT_PATH_INVALID' });
  });

  it('stops a download when told to, and leaves nothing', async () => {
    const version = await aVersion('stopped', { 'weights.bin': randomBytes(20_000_000) });
    const stop = new AbortController();
    const reason = new Error('the pod is asked to end');
    const dir = join(scratch, 'stopped');
    const download = mlflow.downloadModel(version, dir, {
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    });
    await expect(download).rejects.toBe(reason);
    expect(
      (await readdir(scratch)).filter((name) => name.startsWith('stopped') && name !== 'stopped-source'),
    ).toEqual([]);
  });
});

const loggedAnswer = z.object({
  model: z.object({ info: z.object({ model_id: z.string(), artifact_uri: z.string() }) }),
});

/** A call that our client does not have. */
async function post(path: string, body: unknown): Promise<unknown> {
  const answer = await fetch(`${server.url}/api/2.0/mlflow/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return answer.json();
}
