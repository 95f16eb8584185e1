/** The main job: from a folder of images to answers of a service, on a real cluster. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { writePhantomStudies } from '@hilum/trainer';
import { createMlflow } from '@hilum/mlflow';
import { classifyOverHttp, pickTestImages, type Answer } from './ask.ts';
import { DemoError } from './errors.ts';
import { RELEASE, applyExample, installChart, pinDataset, provideImages } from './install.ts';
import { bar, table, type Screen } from './screen.ts';
import { createForwards, type Forwards } from './state.ts';
import { findTarget, openTarget, type Target, type TargetChoice } from './target.ts';
import { condition, follow, type Resource } from './watch.ts';

export interface DemoOptions extends TargetChoice {
  /** `<label>/<patient>/…`; without it a synthetic study set is written. */
  readonly data?: string | undefined;
  /** A DICOM slice to classify; without it one of the synthetic ones. */
  readonly dicom?: string | undefined;
  readonly namespace: string;
  /** Milliseconds since the epoch, for the name of the run. */
  readonly nowMs: number;
  /** A cluster that is there already; without it the one that the other options name. */
  readonly target?: Target | undefined;
  /** Aborting ends the wait at once; what is in the cluster goes on, and `--down` removes it. */
  readonly signal?: AbortSignal | undefined;
  /** Default: those that `--down` ends. */
  readonly forwards?: Forwards | undefined;
}

export interface DemoResult {
  readonly trainingRun: string;
  readonly modelVersion: string;
  readonly digest: string | undefined;
  readonly accuracy: number;
  readonly aucRoc: number;
  readonly answers: readonly Answer[];
  readonly addresses: { readonly service: string; readonly docs: string; readonly mlflow: string };
  readonly notice: string;
}

const NOTICE = 'Research use only, not for diagnosis.';
const TRAINING_DEADLINE_MS = 45 * 60_000;
const ROLLOUT_DEADLINE_MS = 10 * 60_000;

export async function runDemo(options: DemoOptions, screen: Screen): Promise<DemoResult> {
  const data = options.data === undefined ? undefined : resolve(options.data);
  if (data !== undefined && !existsSync(data)) {
    throw new DemoError(
      'NO_DATA',
      `--data ${options.data}: no such folder; it holds <label>/<patient>/… images`,
    );
  }
  const scratch = await mkdtemp(join(tmpdir(), 'hilum-demo-'));
  try {
    const work = demo(options, data, scratch, screen);
    return await (options.signal === undefined ? work : Promise.race([work, aborted(options.signal)]));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Removes all that a demo made. */
export async function removeDemo(
  options: TargetChoice & { namespace: string },
  screen: Screen,
): Promise<void> {
  await createForwards().end();
  const target = await findTarget(options);
  if (target === undefined) {
    screen.line('Nothing to remove: there is no demo cluster.');
    return;
  }
  await screen.step('Remove', async (progress) => {
    if (target.kind === 'context') await uninstall(target, options.namespace, progress);
    else await target.remove();
    return [target.name, undefined];
  });
}

/** Rejects with the reason of the signal. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('told to end'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

async function demo(
  options: DemoOptions,
  data: string | undefined,
  scratch: string,
  screen: Screen,
): Promise<DemoResult> {
  const { namespace, forwards = createForwards() } = options;
  const target = await screen.step('Cluster', async (progress) => {
    const found = options.target ?? (await openTarget(options, progress));
    const nodes = await found.kubectl(['get', 'nodes', '--no-headers']);
    const version = nodes.trim().split(/\s+/).at(4) ?? '';
    return [`${found.name}, Kubernetes ${version}`, found];
  });
  const values = await screen.step('Images', async (progress) => {
    const images = await provideImages(target, progress);
    return ['operator, trainer, server, mlflow', images];
  });
  const mlflowUrl = await screen.step('Chart', async (progress) => {
    progress('helm upgrade --install, waiting for its pods');
    return [`hilum in namespace ${namespace}`, await installChart(target, namespace, values, forwards)];
  });
  const phantom = join(scratch, 'phantom');
  const dataset = await screen.step('Data', async (progress) => {
    progress('writing a synthetic study set');
    await writePhantomStudies({ dir: phantom, patients: 24, slices: 3, seed: 7 });
    const pinned = await pinDataset(data ?? phantom, mlflowUrl, namespace, progress);
    const what = data === undefined ? 'SYNTHETIC chest-CT-like DICOM' : basename(data);
    return [`${what}: ${pinned.files} files, md5 ${pinned.md5}`, pinned];
  });

  const name = `lung-${dataset.md5.slice(0, 6)}-${Math.floor(options.nowMs / 1000).toString(36)}`;
  const run = await screen.step('TrainingRun', async (progress) => {
    const variables = { NAME: name, DATASET_REMOTE: dataset.remote, DATASET_MD5: dataset.md5 };
    // A window renders DICOM for a model of pictures; a model of DICOM has windows of its own.
    const without = dataset.kind === 'hu' ? ['window'] : [];
    await applyExample(target, namespace, 'trainingrun.yaml', variables, without);
    const finished = await followTraining(target, namespace, name, progress);
    const { model, evaluation } = finished.status;
    return [
      `${model?.name}/${model?.version}: accuracy ${decimals(evaluation?.accuracy)}, AUC-ROC ${decimals(evaluation?.aucRoc)} on ${evaluation?.samples} test images`,
      finished,
    ];
  });
  const serviceUrl = await screen.step('ModelDeployment', async (progress) => {
    await applyExample(target, namespace, 'modeldeployment.yaml', {});
    const version = run.status.model?.version ?? '';
    const ready = await followRollout(target, namespace, 'lung', version, progress);
    const service = { namespace, name: 'lung', port: 80 };
    const url = await forwards.open('service', target.kubectlCommand, service, '/v2/health/ready');
    return [
      `${ready.status.readyReplicas}/${ready.status.replicas} pods serve ${ready.status.model?.name}/${ready.status.model?.version}`,
      url,
    ];
  });

  const answers = await screen.step('Classify', async () => {
    const mlflow = createMlflow({ baseUrl: mlflowUrl });
    const images = await pickTestImages(mlflow, run.status.tracking?.runId ?? '', scratch, data ?? phantom);
    const dicom = options.dicom ?? (await firstDicom(phantom));
    const all = [...images, { path: dicom, label: undefined }];
    const replies: Answer[] = [];
    for (const image of all) replies.push(await classifyOverHttp(serviceUrl, image));
    return [`${images.length} test images and a DICOM slice`, replies];
  });

  const addresses = { service: serviceUrl, docs: `${serviceUrl}/docs`, mlflow: mlflowUrl };
  screen.line(`\n${answerTable(answers)}\n`);
  screen.line(`API docs  ${addresses.docs}\nMLflow    ${addresses.mlflow}`);
  screen.line(
    `kubectl   ${[...target.kubectlCommand, '-n', namespace, 'get', 'trainingruns,modeldeployments'].join(' ')}`,
  );
  screen.line(
    `remove    npm run demo -- --down${options.context === undefined ? '' : ` --context ${options.context}`}\n\n${NOTICE}`,
  );
  return {
    trainingRun: name,
    modelVersion: `${run.status.model?.name}/${run.status.model?.version}`,
    digest: run.status.model?.digest,
    accuracy: Number(run.status.evaluation?.accuracy),
    aucRoc: Number(run.status.evaluation?.aucRoc),
    answers,
    addresses,
    notice: NOTICE,
  };
}

function followTraining(
  target: Target,
  namespace: string,
  name: string,
  progress: (text: string) => void,
): Promise<Resource> {
  return follow(
    target,
    {
      kind: 'trainingrun',
      name,
      namespace,
      deadlineMs: TRAINING_DEADLINE_MS,
      code: 'TRAINING_FAILED',
      verdict: (resource) => {
        const succeeded = condition(resource, 'Succeeded');
        if (succeeded?.status === 'True') return 'done';
        return succeeded?.status === 'False'
          ? { failed: `${succeeded.reason}: ${succeeded.message}` }
          : undefined;
      },
      show: (resource) => {
        const at = resource.status.progress;
        const running = condition(resource, 'Running');
        if (at === undefined) return running?.message ?? 'waiting for the operator';
        return `${bar(at.epoch, at.epochs)} epochs${at.aucRoc === undefined ? '' : `, validation AUC ${decimals(at.aucRoc)}`}`;
      },
    },
    progress,
  );
}

function followRollout(
  target: Target,
  namespace: string,
  name: string,
  version: string,
  progress: (text: string) => void,
): Promise<Resource> {
  return follow(
    target,
    {
      kind: 'modeldeployment',
      name,
      namespace,
      deadlineMs: ROLLOUT_DEADLINE_MS,
      code: 'NOT_READY',
      verdict: (resource) => {
        const ready = condition(resource, 'Ready')?.status === 'True';
        if (ready && resource.status.model?.version === version) return 'done';
        const progressing = condition(resource, 'Progressing');
        const late = progressing?.status === 'False' && progressing.reason === 'ProgressDeadlineExceeded';
        return late ? { failed: progressing.message } : undefined;
      },
      show: (resource) => {
        const { readyReplicas, replicas } = resource.status;
        return `${readyReplicas ?? 0}/${replicas ?? 0} pods ready; ${condition(resource, 'Ready')?.message ?? ''}`;
      },
    },
    progress,
  );
}

async function uninstall(target: Target, namespace: string, progress: (text: string) => void): Promise<void> {
  progress('TrainingRuns and ModelDeployments');
  const crds = 'trainingruns.hilum.dev,modeldeployments.hilum.dev';
  const gone = { timeoutMs: 180_000, allowFailure: true };
  await target.kubectl(['-n', namespace, 'delete', crds, '--all', '--timeout', '120s'], gone);
  progress('the release');
  await target.helm(['uninstall', RELEASE, '-n', namespace, '--wait', '--ignore-not-found'], gone);
  await target.kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout', '120s'], gone);
  // The chart keeps them so that an uninstall loses nothing; "removes everything" means them too.
  await target.kubectl(
    ['delete', 'crd', 'trainingruns.hilum.dev', 'modeldeployments.hilum.dev', '--ignore-not-found'],
    gone,
  );
}

async function firstDicom(dir: string): Promise<string> {
  const files = (await readdir(dir, { recursive: true })).filter((file) => file.endsWith('.dcm')).toSorted();
  const first = files[Math.floor(files.length / 2)];
  if (first === undefined) throw new DemoError('NO_DATA', `${dir} holds no DICOM file`);
  return join(dir, first);
}

function answerTable(answers: readonly Answer[]): string {
  const head = ['FILE', 'TRUE LABEL', 'ANSWER', 'PROBABILITY', 'MODEL', 'MS', 'WARNINGS'];
  const rows = answers.map((a) => [
    a.file,
    a.trueLabel ?? '-',
    a.label,
    a.probability.toFixed(4),
    a.model,
    a.totalMs.toFixed(0),
    a.warnings.join(',') || '-',
  ]);
  return table([head, ...rows]);
}

function decimals(value: string | undefined): string {
  return value === undefined ? '?' : Number(value).toFixed(4);
}
