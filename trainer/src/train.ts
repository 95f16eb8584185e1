/** One training run from a folder of images to an evaluated, packaged and, where asked for, registered model. */
import { dirname, join, resolve } from 'node:path';
import { auditLeakage, type AuditCounts } from './audit/audit.ts';
import { refuseLeaks } from './audit/refusal.ts';
import { makeModel, type Made } from './make-model.ts';
import { chooseSplit } from './dataset/choose-split.ts';
import { TrainerError } from './errors.ts';
import { labelDataset } from './labels/label.ts';
import type { TrainOptions, TrainResult } from './options.ts';
import { makeParent, refuseOtherContent } from './output.ts';
import { planRun, type Plan } from './plan.ts';
import { searchForRun } from './study/search-run.ts';
import { RunLog } from './tracking.ts';

/**
 * Trains and evaluates. The same options, images and machine give the same model.
 *
 * An MLflow run that was opened is closed in every case: FINISHED, FAILED, or KILLED where the signal was raised.
 *
 * @throws TrainerError with a code of TRAINER_CODES; the reason of `signal`
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { signal, now = Date.now } = options;
  if (options.registration !== undefined && options.tracking === undefined) {
    throw new TrainerError('BAD_CONFIG', 'a model can be registered only where the run is tracked in MLflow');
  }
  // Before the work, which may take hours; and again before the package is put there.
  await refuseOtherContent(resolve(options.outDir));
  await makeParent(resolve(options.outDir));
  const dataset = await labelDataset(options.dataDir, options.labels ?? { from: 'folders' }, { signal });
  const plan = planRun(dataset, await chooseSplit(dataset, options.split), options);
  const { positiveLabel, counts } = plan;
  const { kind, labels, ignored } = dataset;
  options.onEvent?.({ type: 'dataset', kind, labels, positiveLabel, dataset: counts, ignored });
  if (options.tracking === undefined) return trainAndRegister(plan, options, undefined);

  const { onEvent } = options;
  const log = await RunLog.open(
    { ...options.tracking, ...(onEvent !== undefined && { onEvent }) },
    { now, signal },
  );
  log.system.start({ disk: dirname(resolve(options.outDir)) });
  try {
    return await trainAndRegister(plan, options, log);
  } catch (error) {
    await log.abandon(signal?.aborted === true ? 'KILLED' : 'FAILED');
    throw error;
  }
}

async function trainAndRegister(
  plan: Plan,
  options: TrainOptions,
  log: RunLog | undefined,
): Promise<TrainResult> {
  if (log !== undefined) {
    const { experimentId, runId } = log.run;
    options.onEvent?.({ type: 'run', experimentId, runId, url: log.url });
  }
  const made: Made & Pick<TrainResult, 'search'> =
    uploadedBefore(plan, log) ?? (await makeChecked(plan, options, log));
  const { gate } = made;
  const result = { dataset: plan.counts, ...made };
  if (log === undefined) return result;
  const { experimentId, runId } = log.run;
  const run = { experimentId, runId, url: log.url };
  if (options.registration === undefined) {
    await log.finish();
    return { ...result, run };
  }
  const model = await log.register(options.registration, made.digest, gate);
  options.onEvent?.({ type: 'registered', ...model, gate: gate.message });
  await log.finish();
  return { ...result, run, model };
}

async function makeChecked(
  plan: Plan,
  options: TrainOptions,
  log: RunLog | undefined,
): Promise<Made & Pick<TrainResult, 'search'>> {
  const audit = await refuseLeakage(plan, options);
  if (options.search === undefined) return makeModel(plan, options, { log, audit });
  const searched = await searchForRun(plan, options, options.search, log);
  return { ...(await makeModel(searched.plan, searched.options, { log, audit })), search: searched.found };
}

/**
 * Nothing is trained on a split that leaks.
 *
 * @throws TrainerError SPLIT_LEAKS
 */
async function refuseLeakage({ dataset, split }: Plan, options: TrainOptions): Promise<AuditCounts> {
  const { dir, images } = dataset;
  const cacheDir = join(options.cacheDir, 'prints');
  const audit = await auditLeakage({ dir, images, sides: split.sides, cacheDir, signal: options.signal });
  options.onEvent?.({ type: 'audit', ...audit.counts });
  refuseLeaks(audit);
  return audit.counts;
}

/** A retry of a run whose package is uploaded has only the registration left to do. */
function uploadedBefore(plan: Plan, log: RunLog | undefined): Made | undefined {
  const uploaded = log?.uploaded;
  if (uploaded === undefined) return undefined;
  const { digest, figures, verdict: gate } = uploaded;
  return { digest, gate, evaluation: { ...figures, samples: plan.parts.test.length } };
}
