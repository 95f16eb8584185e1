/** From a plan to a model package on disk and, where the run is tracked, in MLflow. */
import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { contractSchema } from '@hilum/imaging';
import { buildFrozen, joinModel, writePackage, type PackageInfo } from '@hilum/model';
import { folderCheckpoints } from './checkpoint/folder.ts';
import { s3Checkpoints } from './checkpoint/s3.ts';
import { datasetMd5 } from './dvc/push.ts';
import type { Evaluation } from './evaluation.ts';
import { examine } from './examine.ts';
import type { Features } from './features/extract.ts';
import type { CheckpointOptions } from './fit/keeper.ts';
import type { TrainOptions, TrainResult } from './options.ts';
import { refuseOtherContent } from './output.ts';
import { paramsOf } from './params.ts';
import type { Plan } from './plan.ts';
import { reportFiles } from './report-files.ts';
import type { LayersModel } from './tensors.ts';
import type { RunLog, TrackingOptions } from './tracking.ts';
import { verifyPackage } from './verify-package.ts';
import {
  fitNetwork,
  networkOf,
  openFeatures,
  openWorkbench,
  type FittedNetwork,
  type Workbench,
} from './workbench.ts';

export type Made = Pick<TrainResult, 'evaluation' | 'details' | 'package' | 'digest'>;

/** Features, training, evaluation, package, upload: all that a retry of an uploaded run need not do again. */
export async function makeModel(asked: Plan, options: TrainOptions, log: RunLog | undefined): Promise<Made> {
  const { signal, now = Date.now, onEvent } = options;
  const pin = await pinOf(options, log);
  if (pin !== undefined) {
    const source = options.dataset?.remote ?? basename(resolve(options.dataDir));
    await log?.start(paramsOf(asked, options, pin), { name: 'images', digest: pin, source });
  }
  const bench = await openWorkbench(asked, { ...options, now });
  const features = await openFeatures(bench, {
    settings: options,
    train: asked.parts.train,
    signal,
    onProgress: (progress) => onEvent?.({ type: 'features', ...progress }),
  });
  try {
    onEvent?.({ type: 'domain', ...features.survey });
    const plan = inDomain(asked, features);
    const network = await fitRun({ bench, features, plan, options, log, pin });
    try {
      const { seed } = options.hyperparameters;
      const found = await examine(plan, network, { seed, signal });
      const { evaluation } = found;
      const { samples, accuracy, aucRoc } = evaluation;
      const bestEpoch = network.best.epoch;
      onEvent?.({ type: 'evaluated', samples, accuracy, aucRoc, bestEpoch });
      const createdAt = new Date(log?.run.startTimeMs ?? now()).toISOString();
      const info = await packageModel({
        bench,
        tail: network.tail,
        plan,
        options,
        evaluation,
        log,
        createdAt,
      });
      await verifyPackage(bench.tf, info.dir, plan.dataset.dir, evaluation.images, signal);
      const files = reportFiles(plan, evaluation);
      const { digest } = info;
      onEvent?.({ type: 'packaged', digest });
      await log?.upload({ evaluation, bestEpoch, digest, packageDir: info.dir, files });
      await writeReports(join(info.dir, 'training'), files);
      await checkpointsOf({ bench, plan, options, pin })?.store.clear(signal);
      return { evaluation: { samples, accuracy, aucRoc }, details: found, package: info, digest };
    } finally {
      network.dispose();
    }
  } finally {
    features.close();
  }
}

/** Where nothing asks for it, a run without a record need not hash its images. */
async function pinOf(
  { dataset, dataDir, checkpoint, signal }: TrainOptions,
  log: RunLog | undefined,
): Promise<string | undefined> {
  const isNeeded = log !== undefined || checkpoint !== undefined;
  return dataset?.md5 ?? (isNeeded ? datasetMd5(dataDir, signal) : undefined);
}

/** The plan under a contract that says no more than the dataset bears out. */
function inDomain(plan: Plan, { survey }: Features): Plan {
  return { ...plan, contract: contractSchema.parse({ ...plan.contract, domain: survey.domain }) };
}

interface Stage {
  readonly bench: Workbench;
  readonly plan: Plan;
  readonly options: TrainOptions;
  readonly log?: RunLog | undefined;
  /** DVC's md5 of the images, where it is known. */
  readonly pin?: string | undefined;
}

function fitRun({ features, ...stage }: Stage & { readonly features: Features }): Promise<FittedNetwork> {
  const { bench, plan, options, log } = stage;
  const { signal, onEvent } = options;
  const checkpoint = checkpointsOf(stage);
  return fitNetwork(bench, features, {
    settings: options,
    train: plan.parts.train,
    validation: plan.parts.validation,
    ...(signal !== undefined && { signal }),
    ...(checkpoint !== undefined && { checkpoint }),
    onEpoch: async (epoch) => {
      onEvent?.({ type: 'epoch', ...epoch });
      await log?.epoch(epoch);
    },
    // A kill may have come between a checkpoint and the sending of its epochs; what is there is not doubled.
    onResume: async (epochs) => {
      for (const epoch of epochs) await log?.epoch(epoch);
    },
    onStep: (step) => onEvent?.({ type: 'step', ...step }),
    onEvent: (event) => onEvent?.(event),
  });
}

/** The key stands for all that decides a run: what is found under it can be gone on from, bit for bit. */
function checkpointsOf({ bench, plan, options, pin }: Stage): CheckpointOptions | undefined {
  if (options.checkpoint === undefined) return undefined;
  const { place, everySeconds } = options.checkpoint;
  const { preprocessing, model, hyperparameters, augmentation } = options;
  const settings = { preprocessing, model, hyperparameters, augmentation };
  const data = [pin, plan.dataset.labelsSha256 ?? null, plan.splitSha256, plan.positiveLabel];
  const decides = JSON.stringify([1, settings, data, bench.weights.sha256]);
  const key = createHash('sha256').update(decides).digest('hex');
  const store = place.startsWith('s3://')
    ? s3Checkpoints(`${place.replace(/\/$/, '')}/${key}`)
    : folderCheckpoints(join(place, key));
  return { store, key, ...(everySeconds !== undefined && { everyMs: everySeconds * 1000 }) };
}

async function packageModel({
  bench,
  tail,
  plan,
  options,
  evaluation,
  log,
  createdAt,
}: Stage & {
  readonly tail: LayersModel;
  readonly evaluation: Evaluation;
  readonly createdAt: string;
}): Promise<PackageInfo> {
  const { tf, weights } = bench;
  const frozen = buildFrozen(tf, weights, networkOf(options));
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
