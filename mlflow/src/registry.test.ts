import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run as runCommand, startMlflow, type MlflowServer } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMlflow, type MlflowClient, type Run } from './index.ts';

let server: MlflowServer;
let mlflow: MlflowClient;
let scratch: string;
let run: Run;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'hilum-registry-'));
  server = await startMlflow();
  mlflow = createMlflow({ baseUrl: server.url });
  const experimentId = await mlflow.ensureExperiment('lung');
  run = await mlflow.createRun({ experimentId, name: 'first', startTimeMs: 1_700_000_000_000 });
});
afterAll(async () => {
  await server?.stop();
  await rm(scratch, { recursive: true, force: true });
});

const python = async (script: string): Promise<string> => {
  const env = { MLFLOW_TRACKING_URI: server.url, MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR: 'false' };
  return (await runCommand(server.python, ['-c', script], { cwd: scratch, env, timeoutMs: 60_000 })).stdout;
};

describe('the registry of the real MLflow', () => {
  it('registers a model once, however often it is asked to', async () => {
    await mlflow.ensureRegisteredModel('lung');
    await mlflow.ensureRegisteredModel('lung');
    const found = await fetch(`${server.url}/api/2.0/mlflow/registered-models/search`);
    expect(await found.json()).toMatchObject({ registered_models: [{ name: 'lung' }] });
  });

  it('makes one version of one upload, and another version of another', async () => {
    await mlflow.ensureRegisteredModel('versions');
    const wanted = {
      name: 'versions',
      source: `${run.artifactUri}/model`,
      runId: run.runId,
      tags: { 'hilum.digest': 'sha256:aa' },
    };
    const first = await mlflow.createModelVersion(wanted);
    expect(first).toEqual({ ...wanted, version: '1', aliases: [] });
    expect(await mlflow.createModelVersion(wanted)).toEqual(first);
    const second = await mlflow.createModelVersion({ ...wanted, tags: { 'hilum.digest': 'sha256:bb' } });
    expect(second.version).toBe('2');
    expect(await mlflow.getModelVersion('versions', '1')).toEqual(first);
  });

  it('moves an alias, and both names resolve to the version', async () => {
    await mlflow.ensureRegisteredModel('moving');
    const wanted = { name: 'moving', source: `${run.artifactUri}/model`, runId: run.runId };
    await mlflow.createModelVersion({ ...wanted, tags: { 'hilum.digest': 'sha256:aa' } });
    await mlflow.createModelVersion({ ...wanted, tags: { 'hilum.digest': 'sha256:bb' } });
    await mlflow.setAlias('moving', 'champion', '1');
    expect((await mlflow.getModelVersionByAlias('moving', 'champion'))?.version).toBe('1');
    await mlflow.setAlias('moving', 'champion', '2');
    const byAlias = await mlflow.resolveModel('models:/moving@champion');
    expect(byAlias).toMatchObject({
      version: '2',
      aliases: ['champion'],
      tags: { 'hilum.digest': 'sha256:bb' },
    });
    expect(await mlflow.resolveModel('models:/moving/2')).toEqual(byAlias);
  });

  it('sets a tag of a version', async () => {
    await mlflow.ensureRegisteredModel('tagged');
    await mlflow.createModelVersion({ name: 'tagged', source: `${run.artifactUri}/model`, runId: run.runId });
    await mlflow.setModelVersionTag('tagged', '1', 'hilum.gate', 'passed');
    expect((await mlflow.getModelVersion('tagged', '1')).tags).toEqual({ 'hilum.gate': 'passed' });
  });

  it.each([
    { what: 'an alias that is not set', uri: 'models:/bare@champion', code: 'ALIAS_NOT_FOUND' },
    { what: 'a version that is not there', uri: 'models:/bare/9', code: 'MODEL_NOT_FOUND' },
    { what: 'a model that is not there, by alias', uri: 'models:/nothing@champion', code: 'MODEL_NOT_FOUND' },
    { what: 'a model that is not there, by version', uri: 'models:/nothing/1', code: 'MODEL_NOT_FOUND' },
    { what: 'a URI that fixes no version', uri: 'models:/bare/latest', code: 'MODEL_URI_INVALID' },
  ])('says $code for $what', async ({ uri, code }) => {
    await mlflow.ensureRegisteredModel('bare');
    await expect(mlflow.resolveModel(uri)).rejects.toMatchObject({ code, retryable: false });
  });

  it('has no version for a missing alias or model', async () => {
    await mlflow.ensureRegisteredModel('bare');
    expect(await mlflow.getModelVersionByAlias('bare', 'champion')).toBeUndefined();
    expect(await mlflow.getModelVersionByAlias('nothing', 'champion')).toBeUndefined();
  });

  it('hands plain Python, by alias, a model that it can run, and gets the same files itself', async () => {
    await python(SAVE_DOUBLING_MODEL);
    await mlflow.uploadDirectory(run, 'doubling', join(scratch, 'doubling'));
    await mlflow.ensureRegisteredModel('doubling');
    const source = `${run.artifactUri}/doubling`;
    const { version } = await mlflow.createModelVersion({ name: 'doubling', source, runId: run.runId });
    await mlflow.setAlias('doubling', 'champion', version);

    expect(await python(RUN_DOUBLING_MODEL)).toContain('answer [2.0, 4.0, 6.0]');

    await mlflow.downloadModel(await mlflow.resolveModel('models:/doubling@champion'), join(scratch, 'ours'));
    for (const file of ['MLmodel', 'model.onnx', 'requirements.txt']) {
      const [ours, theirs, original] = await Promise.all(
        ['ours', 'theirs', 'doubling'].map((dir) => readFile(join(scratch, dir, file))),
      );
      expect(ours).toEqual(original);
      expect(theirs).toEqual(original);
    }
  });
});

const SAVE_DOUBLING_MODEL = `
import onnx, mlflow.onnx
from onnx import helper as h, TensorProto as t
node = h.make_node('Add', ['x', 'x'], ['y'])
ends = [h.make_tensor_value_info(name, t.FLOAT, [None]) for name in 'xy']
graph = h.make_graph([node], 'doubling', ends[:1], ends[1:])
model = h.make_model(graph, opset_imports=[h.make_opsetid('', 17)], ir_version=9)
mlflow.onnx.save_model(model, 'doubling', pip_requirements=['onnx'], save_as_external_data=False)
`;

const RUN_DOUBLING_MODEL = `
import numpy, onnxruntime, mlflow.artifacts, mlflow.onnx
mlflow.artifacts.download_artifacts('models:/doubling@champion', dst_path='theirs')
model = mlflow.onnx.load_model('models:/doubling@champion')
session = onnxruntime.InferenceSession(model.SerializeToString())
print('answer', session.run(None, {'x': numpy.array([1, 2, 3], dtype='float32')})[0].tolist())
`;
