/**
 * The whole line on a real one-node cluster and real images: what `npm run demo -- --data …` does, then everything that a
 * user would look at afterwards. One story in order; each `it` is one thing seen.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  builtInTarget,
  createForwards,
  createScreen,
  runDemo,
  type DemoResult,
  type Forwards,
  type Target,
} from '@hilum/cli';
import { cluster, mlflowVenv, run, type Cluster } from '@hilum/hack';
import { createMlflow, type MlflowClient } from '@hilum/mlflow';
import { pushDataset, writePhantomStudies } from '@hilum/trainer';
import { classificationSchema } from '@hilum/wire';

const data = resolve(import.meta.dirname, '..', process.env['HILUM_DATA'] ?? '../shared/data');
const lidc = join(data, 'lidc-nodules');
const slice = join(data, 'dicom/transfer-syntaxes/CT1_j2k-lossless_4.90.dcm');
const namespace = 'hilum';
const MINUTE = 60_000;

interface Item {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status?: Record<string, unknown> & {
    readonly conditions?: ReadonlyArray<{ type: string; status: string; reason: string; message: string }>;
  };
}

describe.skipIf(!existsSync(lidc))('from real CT images to a served answer', { timeout: 20 * MINUTE }, () => {
  let node: Cluster;
  let target: Target;
  let demo: DemoResult;
  let mlflow: MlflowClient;
  let scratch: string;
  let forwards: Forwards;
  let operatorKilled = false;

  const kubectl = (...args: string[]): Promise<string> => node.kubectl(['-n', namespace, ...args]);
  const items = async (kind: string, ...args: string[]): Promise<readonly Item[]> =>
    (JSON.parse(await kubectl('get', kind, '-o', 'json', ...args)) as { items: Item[] }).items;
  const runIdOf = async (name: string): Promise<string> => {
    const tracking = (await get('trainingrun', name)).status?.['tracking'] as { runId: string } | undefined;
    if (tracking === undefined) throw new Error(`${name} has no MLflow run`);
    return tracking.runId;
  };
  const get = async (kind: string, name: string): Promise<Item> =>
    JSON.parse(await kubectl('get', kind, name, '-o', 'json')) as Item;
  const apply = (manifest: unknown, ...args: string[]): Promise<string> =>
    node.kubectl(['-n', namespace, 'apply', ...args, '-f', '-'], { input: JSON.stringify(manifest) });

  /** Polls until a condition has the status, or the reason; throws with the whole status at the deadline. */
  async function conditionOf(kind: string, name: string, type: string, wanted: string, deadlineMs: number) {
    const deadline = performance.now() + deadlineMs;
    let last: Item | undefined;
    while (performance.now() < deadline) {
      last = await get(kind, name).catch(() => undefined);
      const found = last?.status?.conditions?.find((c) => c.type === type);
      if (found?.status === wanted || found?.reason === wanted) return found;
      await sleep(1_000);
    }
    throw new Error(`${kind}/${name}: no ${type}=${wanted} in time: ${JSON.stringify(last?.status)}`);
  }

  async function post(body: Uint8Array, type = 'application/octet-stream') {
    const ask = async () =>
      fetch(`${demo.addresses.service}/v1/classify`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: Buffer.from(body),
      });
    // A forward leads to one pod; when the autoscaler takes that away, the forward leads to another a moment later.
    const response = await ask().catch(async (error: unknown) => {
      if (!(error instanceof TypeError)) throw error;
      await sleep(5_000);
      return ask();
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Kills the operator's pod once, while the trainer's pod runs. */
  async function killOperatorInTheMiddle(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      await sleep(500);
      const pods = await items('pods', '-l', 'hilum.dev/trainingrun').catch(() => []);
      if (!pods.some((pod) => pod.status?.['phase'] === 'Running')) continue;
      await kubectl('delete', 'pod', '-l', 'app.kubernetes.io/name=operator', '--grace-period=0', '--force');
      return true;
    }
    return false;
  }

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'hilum-e2e-'));
    node = await cluster.up('node', { addons: true });
    target = await builtInTarget(node);
    forwards = createForwards(scratch);
    const over = new AbortController();
    const killer = killOperatorInTheMiddle(over.signal);
    demo = await runDemo(
      { data: lidc, dicom: slice, namespace, nowMs: 0, target, forwards },
      createScreen({ write: (text) => process.stderr.write(text) }),
    ).finally(() => over.abort());
    operatorKilled = await killer;
    mlflow = createMlflow({ baseUrl: demo.addresses.mlflow });
  }, 25 * MINUTE);

  afterAll(async () => {
    await forwards?.end();
    await node?.down();
    await rm(scratch, { recursive: true, force: true });
  });

  it('trains on the crops to a model that is better than chance by far', () => {
    expect(demo.aucRoc).toBeGreaterThan(0.75);
    expect(demo.accuracy).toBeGreaterThan(0.7);
  });

  it('says the same AUC in status and in MLflow', async () => {
    const { status } = await get('trainingrun', demo.trainingRun);
    const evaluation = status?.['evaluation'] as { aucRoc: string; accuracy: string };
    const tracking = status?.['tracking'] as { runId: string };
    const logged = await mlflow.getRun(tracking.runId);
    expect(logged.status).toBe('FINISHED');
    expect(Math.abs(Number(evaluation.aucRoc) - Number(logged.metrics['test/auc_roc']))).toBeLessThan(1e-6);
    expect(Math.abs(Number(evaluation.accuracy) - Number(logged.metrics['test/accuracy']))).toBeLessThan(
      1e-6,
    );
  });

  it('registers a version, and the alias names it', async () => {
    const byAlias = await mlflow.getModelVersionByAlias('lung-vgg16', 'champion');
    expect(`lung-vgg16/${byAlias?.version}`).toBe(demo.modelVersion);
    expect(byAlias?.tags['hilum.digest']).toBe(demo.digest);
  });

  it('started one Job, though the operator was killed in the middle', async () => {
    expect(operatorKilled).toBe(true);
    const jobs = await items('jobs', '-l', 'hilum.dev/trainingrun');
    expect(jobs.map((job) => job.status?.['succeeded'])).toEqual([1]);
    const pods = await items('pods', '-l', 'hilum.dev/trainingrun');
    expect(pods).toHaveLength(1);
  });

  it('answers with the scores that the trainer computed', async () => {
    const runId = await runIdOf(demo.trainingRun);
    const file = join(scratch, 'evaluation.json');
    await mlflow.downloadFile(runId, 'evaluation.json', file);
    const { images } = JSON.parse(await readFile(file, 'utf8')) as {
      images: Array<{ file: string; probabilities: Record<string, number> }>;
    };
    expect(images.length).toBeGreaterThan(300);
    for (const image of images) {
      const { status, body } = await post(await readFile(join(lidc, image.file)));
      expect(status).toBe(200);
      const { raw } = classificationSchema.parse(body).decision;
      for (const [label, p] of Object.entries(image.probabilities)) {
        // TensorFlow trained, onnxruntime answers: they add in other orders, and a rank makes that larger.
        expect(Math.abs((raw[label] ?? Number.NaN) - p), image.file).toBeLessThan(1e-4);
      }
    }
  });

  it('renders a DICOM slice by the contract, and says so', () => {
    const dicom = demo.answers.at(-1);
    expect(dicom?.file).toBe('CT1_j2k-lossless_4.90.dcm');
    expect(dicom?.warnings).toEqual(['RENDERED']);
    expect(dicom?.probability).toBeGreaterThanOrEqual(0.5);
  });

  it('gives a model that plain Python loads through MLflow, with the same answers', async () => {
    const { python } = await mlflowVenv();
    const script = `
import json, sys, numpy as np, mlflow, onnxruntime
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.onnx.load_model('models:/lung-vgg16@champion')
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
tensor = np.frombuffer(open(sys.argv[2], 'rb').read(), dtype='<f4').reshape(1, 64, 64, 3)
name = session.get_inputs()[0].name
pyfunc = mlflow.pyfunc.load_model('models:/lung-vgg16@champion').predict(tensor)
first = list(pyfunc.values())[0] if isinstance(pyfunc, dict) else pyfunc
print(json.dumps({'onnx': session.run(None, {name: tensor})[0][0].tolist(), 'pyfunc': np.asarray(first)[0].tolist()}))
`;
    const { decodeImage, toTensor, contractSchema } = await import('@hilum/imaging');
    const image = demo.answers[0];
    const path = (await readdir(lidc, { recursive: true })).find((file) =>
      file.endsWith(String(image?.file)),
    );
    const bytes = await readFile(join(lidc, String(path)));
    const runId = await runIdOf(demo.trainingRun);
    const contractFile = join(scratch, 'contract.json');
    await mlflow.downloadFile(runId, 'model/contract.json', contractFile);
    const contract = contractSchema.parse(JSON.parse(await readFile(contractFile, 'utf8')));
    const { tensor } = toTensor(await decodeImage(bytes), contract);
    const input = join(scratch, 'tensor.f32');
    await writeFile(input, Buffer.from(tensor.buffer, tensor.byteOffset, tensor.byteLength));
    const { stdout } = await run(python, ['-c', script, demo.addresses.mlflow, input], {
      timeoutMs: 5 * MINUTE,
    });
    const answer = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<'onnx' | 'pyfunc', number[]>;
    const served = classificationSchema.parse((await post(bytes)).body).decision.raw;
    const labels = Object.keys(served);
    labels.forEach((label, i) => {
      expect(Math.abs((answer.onnx[i] ?? Number.NaN) - (served[label] ?? Number.NaN))).toBeLessThan(1e-4);
      expect(Math.abs((answer.pyfunc[i] ?? Number.NaN) - (served[label] ?? Number.NaN))).toBeLessThan(1e-4);
    });
  });

  it('reads well by kubectl', async () => {
    const runs = await kubectl('get', 'trainingruns');
    expect(runs.split('\n')[0]?.split(/\s{2,}/)).toEqual([
      'NAME',
      'SUCCEEDED',
      'REASON',
      'EPOCH',
      'AUC',
      'MODEL',
      'AGE',
    ]);
    expect(runs).toMatch(/True .* 20\/20 .* lung-vgg16\/1 /);
    // On a busy machine the autoscaler may be adding pods at this very moment.
    await kubectl('wait', 'modeldeployment/lung', '--for=condition=Ready', '--timeout=120s');
    const deployments = await kubectl('get', 'modeldeployments');
    expect(deployments.split('\n')[0]?.split(/\s{2,}/)).toEqual([
      'NAME',
      'READY',
      'REASON',
      'MODEL',
      'PODS',
      'AGE',
    ]);
    // One pod or more.
    expect(deployments).toMatch(/lung +True .* lung-vgg16\/1 +(\d)\/\1 /);
    expect(await kubectl('explain', 'trainingruns.spec.dataset.md5')).toMatch(/pin/i);
  });

  it('has an autoscaler that reads the CPU of its pods', async () => {
    const deadline = performance.now() + 2 * MINUTE;
    let reading: unknown;
    while (reading === undefined && performance.now() < deadline) {
      await sleep(2_000);
      const [hpa] = await items('hpa');
      const metrics = hpa?.status?.['currentMetrics'] as
        | Array<{ resource?: { current?: { averageUtilization?: number } } }>
        | undefined;
      reading = metrics?.[0]?.resource?.current?.averageUtilization;
    }
    expect(reading).toBeTypeOf('number');
  });

  it('refuses what is not an image, and half a DICOM file, by code', async () => {
    const text = await post(Buffer.from('this is no image'));
    expect([text.status, text.body['code']]).toEqual([415, 'NOT_AN_IMAGE']);
    const whole = await readFile(slice);
    const half = await post(whole.subarray(0, whole.length / 2), 'application/dicom');
    expect(half.status).toBe(422);
    expect(['TRUNCATED', 'CORRUPT', 'PIXEL_LENGTH_MISMATCH']).toContain(half.body['code']);
  });

  it('refuses a field that the API does not have', async () => {
    const manifest = {
      apiVersion: 'hilum.dev/v1alpha1',
      kind: 'ModelDeployment',
      metadata: { name: 'typo' },
      spec: { model: { name: 'm', alias: 'a' }, canary: {} },
    };
    await expect(apply(manifest)).rejects.toThrow(/unknown field "spec.canary"/);
  });

  it('says that a data set is missing, and ends', async () => {
    await apply(
      trainingRun('missing', {
        remote: `http://hilum-mlflow.${namespace}.svc:5000/api/2.0/mlflow-artifacts/artifacts/dvc`,
        md5: `${'0'.repeat(32)}.dir`,
      }),
    );
    const ready = await conditionOf('trainingrun', 'missing', 'DatasetReady', 'False', 3 * MINUTE);
    expect(ready.reason).toBe('DatasetMissing');
    const succeeded = await conditionOf('trainingrun', 'missing', 'Succeeded', 'False', MINUTE);
    expect(succeeded.message).toMatch(/files\/md5\/00\/0{30}\.dir; was the dataset pushed\?/);
  });

  it('goes the same way with DICOM studies and a contract in Hounsfield units', async () => {
    const dir = join(scratch, 'phantom');
    await writePhantomStudies({ dir, patients: 16, slices: 2, seed: 3 });
    const path = '/api/2.0/mlflow-artifacts/artifacts/dvc';
    const { md5 } = await pushDataset({ dir, remote: demo.addresses.mlflow + path });
    await apply(trainingRun('phantom', { remote: `http://hilum-mlflow.${namespace}.svc:5000${path}`, md5 }));
    await conditionOf('trainingrun', 'phantom', 'Succeeded', 'True', 5 * MINUTE);
    await apply({
      apiVersion: 'hilum.dev/v1alpha1',
      kind: 'ModelDeployment',
      metadata: { name: 'phantom' },
      spec: { model: { name: 'phantom', alias: 'champion' } },
    });
    await conditionOf('modeldeployment', 'phantom', 'Ready', 'True', 3 * MINUTE);
    const exposed = await node.expose(`phantom.${namespace}.svc:80`);
    // A Service leads to its pods some moments after they are ready, when kube-proxy has heard of them.
    await vi.waitFor(() => fetch(`${exposed.url}/v2/health/ready`), { timeout: 30_000, interval: 100 });
    const file = (await readdir(dir, { recursive: true })).find((name) => name.endsWith('.dcm')) ?? '';
    const ask = async (path: string) => {
      const response = await fetch(`${exposed.url}/v1/classify`, {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: await readFile(path),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const dicom = await ask(join(dir, file));
    expect([dicom.status, dicom.body['warnings']]).toEqual([200, []]);
    expect(JSON.stringify(dicom.body)).toMatch(/research use only, not for diagnosis/i);
    const png = (await readdir(lidc, { recursive: true })).find((name) => name.endsWith('.png')) ?? '';
    const grey = await ask(join(lidc, png));
    expect([grey.status, grey.body['code']]).toEqual([422, 'CONTRACT_MISMATCH']);
    await exposed.close();
  });

  /** MLflow's pod goes on, and keeps its data; nobody reaches it. */
  const setMlflowReachable = (reachable: boolean): Promise<string> => {
    const selector = { 'app.kubernetes.io/name': reachable ? 'mlflow' : 'nobody' };
    return kubectl('patch', 'service', 'hilum-mlflow', '-p', JSON.stringify({ spec: { selector } }));
  };

  it('says that MLflow is away, serves on, and catches up when it is back', async () => {
    await setMlflowReachable(false);
    await apply({
      apiVersion: 'hilum.dev/v1alpha1',
      kind: 'ModelDeployment',
      metadata: { name: 'early' },
      spec: { model: { name: 'lung-vgg16', alias: 'champion' } },
    });
    await conditionOf('modeldeployment', 'early', 'ModelResolved', 'TrackingUnreachable', MINUTE);
    const png = (await readdir(lidc, { recursive: true })).find((name) => name.endsWith('.png')) ?? '';
    expect((await post(await readFile(join(lidc, png)))).status).toBe(200);
    const serving = await conditionOf(
      'modeldeployment',
      'lung',
      'ModelResolved',
      'TrackingUnreachable',
      MINUTE,
    );
    expect(serving.message).toContain('MLflow');
    await conditionOf('modeldeployment', 'lung', 'Available', 'True', 5_000);

    await setMlflowReachable(true);
    await conditionOf('modeldeployment', 'early', 'Ready', 'True', 3 * MINUTE);
  });

  it('deletes everything without leftovers, with MLflow away', async () => {
    await setMlflowReachable(false);
    await kubectl('delete', 'trainingruns,modeldeployments', '--all', '--timeout=120s');
    const kinds = 'jobs,deployments,replicasets,services,hpa,pdb,pods';
    const deadline = performance.now() + 2 * MINUTE;
    let left: string[] = ['?'];
    while (left.length > 0 && performance.now() < deadline) {
      await sleep(1_000);
      const all = await items(kinds, '-l', 'app.kubernetes.io/managed-by=hilum');
      left = all.map((item) => item.metadata.name);
    }
    expect(left).toEqual([]);
    await target.helm(['uninstall', 'hilum', '-n', namespace, '--wait'], { timeoutMs: 2 * MINUTE });
    expect(await items('deployments')).toEqual([]);
  });
});

function trainingRun(name: string, dataset: { remote: string; md5: string }) {
  return {
    apiVersion: 'hilum.dev/v1alpha1',
    kind: 'TrainingRun',
    metadata: { name },
    spec: {
      dataset,
      preprocessing: { inputSize: 64 },
      hyperparameters: { epochs: 5, batchSize: 8 },
      registration: { model: name, alias: 'champion' },
    },
  };
}
