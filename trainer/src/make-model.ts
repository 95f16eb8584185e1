/** From a plan to a model package on disk and, where the run is tracked, in MLflow. */
import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { contractSchema } from '@hilum/imaging';
import { buildFrozen, DECISION_FILE, joinModel, writePackage, type PackageInfo } from '@hilum/model';
import type { AuditCounts } from './audit/audit.ts';
import { runFacts } from './card/run-facts.ts';
import { folderCheckpoints } from './checkpoint/folder.ts';
import { s3Checkpoints } from './checkpoint/s3.ts';
import { datasetMd5 } from './dvc/push.ts';
import { findChampion } from './champion.ts';
import { flatMetrics, metricsFile } from './evaluation/metrics-file.ts';
import { judge } from './evaluation/judge.ts';
import type { Champion } from './evaluation/opponents.ts';
import type { ImageScore } from './evaluation.ts';
import { examine, type Examination } from './examine.ts';
import type { Features } from './features/extract.ts';
import type { CheckpointOptions } from './fit/keeper.ts';
import { quantiseModel } from './int8.ts';
import type { TrainOptions, TrainResult } from './options.ts';
import { refuseOtherContent } from './output.ts';
import { referenceFile } from './reference.ts';
import { paramsOf } from './params.ts';
import type { Plan } from './plan.ts';
import { assessmentFiles, reportFiles } from './report-files.ts';
import type { LayersModel } from './tensors.ts';
import type { RunLog, TrackingOptions } from './tracking.ts';
import { verifyPackage } from './verify-package.ts';
import { versionsOf } from './versions.ts';
import {
  fitNetwork,
  networkOf,
  openFeatures,
  openWorkbench,
  type FittedNetwork,
  type Workbench,
} from './workbench.ts';

export type Made = Pick<TrainResult, 'evaluation' | 'details' | 'package' | 'digest' | 'gate'>;

/** What is there beside a plan: the run's record in MLflow, where it has one, and what the leakage audit counted. */
interface Surroundings {
  readonly log: RunLog | undefined;
  readonly audit: AuditCounts;
}

/** Features, training, evaluation, package, upload: all that a retry of an uploaded run need not do again. */
export async function makeModel(
  asked: Plan,
  options: TrainOptions,
  { log, audit }: Surroundings,
): Promise<Made> {
  const { signal, now = Date.now, onEvent } = options;
  const pin = await pinOf(options, log);
  const source = options.dataset?.remote ?? basename(resolve(options.dataDir));
  if (pin !== undefined) {
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
    await log?.tags({ 'hilum.domain': plan.contract.domain });
    const network = await fitRun({ bench, features, plan, options, log, pin });
    try {
      const { seed } = options.hyperparameters;
      const champion = await championOf(options, pin);
      const found = await examine(plan, network, { seed, signal, champion });
      const { evaluation, assessment } = found;
      const gate = judge(assessment, options.registration?.gate);
      const { samples, accuracy, aucRoc } = evaluation;
      const bestEpoch = network.best.epoch;
      onEvent?.({ type: 'evaluated', samples, accuracy, aucRoc, bestEpoch });
      const createdAt = new Date(log?.run.startTimeMs ?? now()).toISOString();
      const facts = runFacts({
        plan,
        audit,
        pin,
        source,
        createdAt,
        labelledBy: options.labels?.from ?? 'folders',
        network: options.model,
        fit: options.hyperparameters,
        augmentation: options.augmentation,
        baseWeightsSha256: bench.weights.sha256,
        training: { epochs: network.epochs.length, bestEpoch },
        versions: versionsOf(bench.tf),
      });
      const history = { epochs: network.epochs, bestEpoch };
      const reports = {
        ...reportFiles(plan, evaluation),
        ...(await assessmentFiles({ assessment, history, facts })),
      };
      const info = await packageModel({
        bench,
        plan,
        options,
        log,
        tail: network.tail,
        found,
        reports,
        createdAt,
      });
      await verifyPackage(bench.tf, info.dir, plan.dataset.dir, evaluation.images, signal);
      const { digest } = info;
      onEvent?.({ type: 'packaged', digest });
      const metrics = flatMetrics(metricsFile(assessment));
      const done = { evaluation, bestEpoch, digest, verdict: gate, metrics };
      await log?.upload({ ...done, packageDir: info.dir, files: reports });
      await writeReports(join(info.dir, 'training'), reports);
      await checkpointsOf({ bench, plan, options, pin })?.store.clear(signal);
      return { evaluation: { samples, accuracy, aucRoc }, details: found, package: info, digest, gate };
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

/** The model to compare with, where this one may take its place. */
async function championOf(
  { registration, tracking, signal, onEvent }: TrainOptions,
  pin: string | undefined,
): Promise<Champion | undefined> {
  if (registration?.alias === undefined || tracking === undefined || pin === undefined) return undefined;
  const { model, alias } = registration;
  const { champion, note } = await findChampion(tracking.mlflow, { model, alias }, pin, signal);
  if (note !== undefined) onEvent?.({ type: 'champion', note });
  return champion;
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
  found: { evaluation, validation },
  reports,
  log,
  createdAt,
}: Stage & {
  readonly tail: LayersModel;
  readonly found: Examination;
  readonly reports: Readonly<Record<string, Uint8Array>>;
  readonly createdAt: string;
}): Promise<PackageInfo> {
  const { tf, weights } = bench;
  const whole = wholeOf(bench, tail, options);
  const outDir = resolve(options.outDir);
  const scratch = join(dirname(outDir), `.${basename(outDir)}.building-${process.pid}`);
  try {
    await refuseOtherContent(outDir);
    const metadata = {
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
    };
    const extras = {
      ...shipped(reports),
      ...(await referenceFile(plan, validation, options.signal)),
      ...(await quantised({ bench, plan, options }, whole, validation)),
    };
    const info = await writePackage(scratch, tf, whole, metadata, extras);
    await rm(outDir, { recursive: true, force: true });
    await rename(scratch, outDir);
    return { ...info, dir: outDir };
  } finally {
    await rm(scratch, { recursive: true, force: true });
    whole.dispose();
  }
}

/** It holds copies of its parts' weights: the frozen part need not stay while the package is written. */
function wholeOf({ tf, weights }: Workbench, tail: LayersModel, options: TrainOptions): LayersModel {
  const frozen = buildFrozen(tf, weights, networkOf(options));
  try {
    return joinModel(tf, frozen, tail);
  } finally {
    frozen.dispose();
  }
}

/** The quantised file and what it costs, by their paths in the package; none where none is asked for. */
async function quantised(
  { bench, plan: { dataset, contract, parts, positiveLabel }, options }: Stage,
  whole: LayersModel,
  validation: readonly ImageScore[],
): Promise<Record<string, Uint8Array>> {
  if (options.int8 !== true) return {};
  const { record, bytes } = await quantiseModel({
    tf: bench.tf,
    whole,
    contract,
    dir: dataset.dir,
    train: parts.train.flatMap((index) => dataset.images[index] ?? []),
    validation,
    classes: { labels: dataset.labels, positiveLabel },
    signal: options.signal,
  });
  options.onEvent?.({ type: 'int8', ...record });
  return {
    'training/int8.json': Buffer.from(`${JSON.stringify(record, null, 2)}\n`),
    ...(bytes !== undefined && { 'model.int8.onnx': bytes }),
  };
}

/** What goes with the model wherever it goes: how its scores are to be taken, and what it is. No list of images. */
function shipped(reports: Readonly<Record<string, Uint8Array>>): Record<string, Uint8Array> {
  const wanted = new Set([DECISION_FILE, 'MODEL_CARD.md']);
  return Object.fromEntries(
    Object.entries(reports).flatMap(([name, bytes]) =>
      wanted.has(name) ? [[`training/${name}`, bytes] as const] : [],
    ),
  );
}

function packageRun(log: RunLog, tracking: TrackingOptions | undefined): PackageInfo['run'] {
  const { runId: id, experimentId } = log.run;
  const trainingRun = tracking?.trainingRun;
  return { id, experimentId, ...(trainingRun === undefined ? {} : { trainingRun }) };
}

async function writeReports(dir: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), bytes);
  }
}
