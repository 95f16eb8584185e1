/** From a plan to a model package on disk and, where the run is tracked, in MLflow. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { contractSchema } from '@hilum/imaging';
import {
  buildFrozen,
  buildTail,
  joinModel,
  loadEngine,
  writePackage,
  type BaseWeights,
  type PackageInfo,
  type Tf,
} from '@hilum/model';
import { datasetMd5 } from './dvc/push.ts';
import { byLabel, summarise, type Evaluation } from './evaluation.ts';
import { extractFeatures, type Features } from './features/extract.ts';
import { predictRows } from './fit/batch.ts';
import type { Epoch } from './fit/epoch.ts';
import { fit } from './fit/fit.ts';
import type { TrainOptions, TrainResult } from './options.ts';
import { refuseOtherContent } from './output.ts';
import { paramsOf } from './params.ts';
import type { Plan } from './plan.ts';
import { reportFiles } from './report-files.ts';
import type { LayersModel } from './tensors.ts';
import type { RunLog, TrackingOptions } from './tracking.ts';
import { verifyPackage } from './verify-package.ts';
import { readWeights } from './weights.ts';

export type Made = Pick<TrainResult, 'evaluation' | 'details' | 'package' | 'digest'>;

/** Features, training, evaluation, package, upload: all that a retry of an uploaded run need not do again. */
export async function makeModel(asked: Plan, options: TrainOptions, log: RunLog | undefined): Promise<Made> {
  const { signal, now = Date.now } = options;
  const pin =
    log === undefined
      ? options.dataset?.md5
      : (options.dataset?.md5 ?? (await datasetMd5(options.dataDir, signal)));
  if (pin !== undefined) {
    const source = options.dataset?.remote ?? basename(resolve(options.dataDir));
    await log?.start(paramsOf(asked, options, pin), { name: 'images', digest: pin, source });
  }
  const weights = await readWeights(options.baseWeights);
  const tf = await loadEngine();
  const features = await extract(tf, weights, asked, options);
  try {
    options.onEvent?.({ type: 'domain', ...features.survey });
    const plan = inDomain(asked, features);
    const { trainableFrom: cut, headUnits, dropout } = options.model;
    const { inputSize } = plan.contract;
    const { seed } = options.hyperparameters;
    const classes = plan.dataset.labels.length;
    const tail = buildTail(tf, weights, { inputSize, cut, classes, headUnits, dropout, seed });
    try {
      const best = await fitTail({ tf, tail, features, plan, options, log });
      const evaluation = await evaluateTail({ tf, tail, features, plan, options });
      const { samples, accuracy, aucRoc } = evaluation;
      options.onEvent?.({ type: 'evaluated', samples, accuracy, aucRoc, bestEpoch: best.epoch });
      const createdAt = new Date(log?.run.startTimeMs ?? now()).toISOString();
      const info = await packageModel({ tf, tail, weights, plan, options, evaluation, log, createdAt });
      await verifyPackage(tf, info.dir, plan.dataset.dir, evaluation.images, signal);
      const files = reportFiles(plan, evaluation);
      const { digest } = info;
      options.onEvent?.({ type: 'packaged', digest });
      await log?.upload({ evaluation, bestEpoch: best.epoch, digest, packageDir: info.dir, files });
      await writeReports(join(info.dir, 'training'), files);
      return { evaluation: { samples, accuracy, aucRoc }, details: evaluation, package: info, digest };
    } finally {
      tail.dispose();
    }
  } finally {
    features.close();
  }
}

function extract(tf: Tf, weights: BaseWeights, plan: Plan, options: TrainOptions): Promise<Features> {
  const { dataset, contract } = plan;
  const { trainableFrom: cut } = options.model;
  return extractFeatures({
    tf,
    dataset,
    contract,
    cut,
    weightsSha256: weights.sha256,
    frozen: () => buildFrozen(tf, weights, { inputSize: contract.inputSize, cut }),
    cacheDir: options.cacheDir,
    signal: options.signal,
    onProgress: (progress) => options.onEvent?.({ type: 'features', ...progress }),
  });
}

/** The plan under a contract that says no more than the dataset bears out. */
function inDomain(plan: Plan, { survey }: Features): Plan {
  return { ...plan, contract: contractSchema.parse({ ...plan.contract, domain: survey.domain }) };
}

interface Stage {
  readonly tf: Tf;
  readonly tail: LayersModel;
  readonly features: Features;
  readonly plan: Plan;
  readonly options: TrainOptions;
  readonly log?: RunLog | undefined;
}

async function fitTail({ tf, tail, features, plan, options, log }: Stage): Promise<Epoch> {
  const { dataset, positiveLabel, classes, parts } = plan;
  const { best } = await fit({
    tf,
    tail,
    features,
    classes,
    classCount: dataset.labels.length,
    positiveClass: dataset.labels.indexOf(positiveLabel),
    train: parts.train,
    validation: parts.validation,
    recipe: options.hyperparameters,
    l2: options.model.l2,
    now: options.now ?? Date.now,
    signal: options.signal,
    onEpoch: async (epoch) => {
      options.onEvent?.({ type: 'epoch', ...epoch });
      await log?.epoch(epoch);
    },
  });
  return best;
}

async function evaluateTail({ tf, tail, features, plan, options }: Stage): Promise<Evaluation> {
  const { dataset, parts, positiveLabel } = plan;
  const { batchSize } = options.hyperparameters;
  const rows = await predictRows({ tf, tail, features, batchSize, signal: options.signal }, parts.test);
  const scores = parts.test.flatMap((index, at) => {
    const image = dataset.images[index];
    return image === undefined ? [] : [{ ...image, probabilities: byLabel(dataset.labels, rows[at] ?? []) }];
  });
  return summarise(scores, { labels: dataset.labels, positiveLabel, part: 'test' });
}

async function packageModel(
  stage: Omit<Stage, 'features'> & {
    readonly weights: BaseWeights;
    readonly evaluation: Evaluation;
    readonly createdAt: string;
  },
): Promise<PackageInfo> {
  const { tf, tail, weights, plan, options, evaluation, log, createdAt } = stage;
  const { trainableFrom: cut } = options.model;
  const frozen = buildFrozen(tf, weights, { inputSize: plan.contract.inputSize, cut });
  const whole = joinModel(tf, frozen, tail);
  const outDir = resolve(options.outDir);
  const scratch = join(dirname(outDir), `.${basename(outDir)}.building-${process.pid}`);
  try {
    await refuseOtherContent(outDir);
    const info = await writePackage(scratch, tf, whole, {
      labels: plan.dataset.labels,
      positiveLabel: plan.positiveLabel,
      contract: plan.contract,
      metrics: {
        'test/accuracy': evaluation.accuracy,
        'test/auc_roc': evaluation.aucRoc,
        'test/unit_accuracy': evaluation.perUnit.accuracy,
        'test/unit_auc_roc': evaluation.perUnit.aucRoc,
      },
      baseWeightsSha256: weights.sha256,
      createdAt,
      ...(log === undefined ? {} : { run: packageRun(log, options.tracking) }),
    });
    await rm(outDir, { recursive: true, force: true });
    await rename(scratch, outDir);
    return { ...info, dir: outDir };
  } finally {
    await rm(scratch, { recursive: true, force: true });
    frozen.dispose();
    whole.dispose();
  }
}

function packageRun(log: RunLog, tracking: TrackingOptions | undefined): PackageInfo['run'] {
  const { runId: id, experimentId } = log.run;
  const trainingRun = tracking?.trainingRun;
  return { id, experimentId, ...(trainingRun === undefined ? {} : { trainingRun }) };
}

async function writeReports(dir: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(dir, name), bytes);
}
