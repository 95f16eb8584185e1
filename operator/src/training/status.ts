/** The status of a TrainingRun, from where it stands. Pure. */
import { TRAINER_EXIT_CODES } from '@hilum/crds';
import type { Reason, TrainingRunCondition, TrainingRunSpec, TrainingRunStatus } from '@hilum/crds';
import { type Condition, setCondition, timestamp } from '../kube/index.ts';
import { clip } from '../clip.ts';
import type { Assessment, Failure, Success } from './assess.ts';
import { trackingUri } from './desired/job.ts';
import { jobName } from './names.ts';
import type { TrainingRun } from './training-run.ts';
import type { TrackedRun, TrainingWorld } from './world.ts';

type Verdict = readonly [status: Condition['status'], reason: Reason, message: string];
type Verdicts = Readonly<Record<TrainingRunCondition, Verdict>>;

const NOT_YET: Verdict = ['Unknown', 'Pending', 'not reached yet'];
const ACCEPTED: Verdict = ['True', 'SpecAccepted', 'the spec is understood'];

/** The status of a run whose spec or child cannot be acted on. */
export function refusedStatus(
  run: TrainingRun,
  reason: Reason,
  message: string,
  now: number,
): TrainingRunStatus {
  return withConditions(run, run.status, now, {
    ...nothingYet(),
    Accepted: ['False', reason, message],
    Running: ['False', reason, message],
    Succeeded: ['Unknown', reason, message],
  });
}

export function runStatus(
  run: TrainingRun,
  spec: TrainingRunSpec,
  assessment: Assessment,
  world: TrainingWorld,
  now: number,
): TrainingRunStatus {
  const tracked = world.tracked?.value ?? undefined;
  const base: TrainingRunStatus = {
    ...run.status,
    startTime: run.status.startTime ?? timestamp(now),
    jobName: jobName(run.owner),
    ...(tracked === undefined ? {} : trackingFields(run, spec, tracked, world, now)),
  };
  const { failure: lastTry, ...untroubled } = base;
  switch (assessment.state) {
    case 'waiting': {
      const { reason, message } = assessment;
      return withConditions(run, withFailure(untroubled, assessment.lastTry), now, {
        ...nothingYet(),
        DatasetReady: datasetVerdict(base),
        Running: ['False', reason, message],
        Succeeded: ['Unknown', reason, message],
      });
    }
    case 'running': {
      const progress = progressMessage(base);
      return withConditions(run, withFailure(untroubled, assessment.lastTry), now, {
        ...nothingYet(),
        DatasetReady: datasetVerdict(base),
        Running: runningVerdict(world, progress),
        Succeeded: ['Unknown', 'Training', progress],
      });
    }
    case 'ending':
      return withConditions(run, withFailure(untroubled, lastTry), now, {
        ...nothingYet(),
        DatasetReady: datasetVerdict(base),
        Running: ['False', 'RunFinished', assessment.message],
        Succeeded: ['Unknown', 'Training', assessment.message],
      });
    case 'succeeded':
      return succeeded(run, spec, untroubled, assessment.report, world, now);
    default:
      return failed(run, base, assessment.failure, now);
  }
}

function nothingYet(): Verdicts {
  return {
    Accepted: ACCEPTED,
    DatasetReady: NOT_YET,
    Running: NOT_YET,
    Evaluated: NOT_YET,
    GatePassed: NOT_YET,
    Registered: NOT_YET,
    Succeeded: NOT_YET,
  };
}

function runningVerdict(world: TrainingWorld, progress: string): Verdict {
  if (world.tracked?.error === undefined) return ['True', 'Training', progress];
  const message = 'a training pod runs; MLflow does not answer the operator, so progress is not known';
  return ['True', 'TrackingUnreachable', message];
}

/** The trainer reports epochs only once the dataset is fetched and checked. */
function datasetVerdict({ progress }: TrainingRunStatus): Verdict {
  return progress === undefined
    ? NOT_YET
    : ['True', 'DatasetVerified', 'the dataset was fetched and checked'];
}

function progressMessage({ progress }: TrainingRunStatus): string {
  if (progress === undefined) return 'a training pod runs; no epoch is finished yet';
  const auc =
    progress.aucRoc === undefined ? '' : `, validation AUC-ROC ${Number(progress.aucRoc).toFixed(3)}`;
  return `epoch ${progress.epoch} of ${progress.epochs} is finished${auc}`;
}

function trackingFields(
  run: TrainingRun,
  spec: TrainingRunSpec,
  tracked: TrackedRun,
  { defaults }: TrainingWorld,
  now: number,
): Pick<TrainingRunStatus, 'tracking' | 'progress'> {
  const { experimentId, runId, epoch, aucRoc } = tracked;
  const tracking = { experimentId, runId, url: runUrl(trackingUri(spec, defaults), experimentId, runId) };
  const before = run.status.progress;
  // An answer older than what was shown already, as after a change of the store behind MLflow, is not news.
  if (epoch === undefined || epoch <= 0 || epoch === before?.epoch) return { tracking };
  const { epochs } = spec.hyperparameters;
  return {
    tracking,
    progress: {
      epoch,
      epochs,
      summary: `${epoch}/${epochs}`,
      ...(aucRoc === undefined ? {} : { aucRoc: String(aucRoc) }),
      reportedAt: timestamp(now),
    },
  };
}

function succeeded(
  run: TrainingRun,
  spec: TrainingRunSpec,
  base: TrainingRunStatus,
  report: Success,
  { defaults }: TrainingWorld,
  now: number,
): TrainingRunStatus {
  const { evaluation, gate, model, experimentId, runId } = report;
  const { epochs } = spec.hyperparameters;
  const summary = `${model.name}/${model.version}`;
  const measured = `AUC-ROC ${evaluation.aucRoc.toFixed(3)}, accuracy ${evaluation.accuracy.toFixed(3)} on ${evaluation.samples} test images`;
  const status: TrainingRunStatus = {
    ...base,
    completionTime: timestamp(now),
    dataset: report.dataset,
    progress: {
      ...(base.progress ?? { reportedAt: timestamp(now) }),
      epoch: epochs,
      epochs,
      summary: `${epochs}/${epochs}`,
    },
    evaluation: {
      accuracy: String(evaluation.accuracy),
      aucRoc: String(evaluation.aucRoc),
      samples: evaluation.samples,
      summary: evaluation.aucRoc.toFixed(3),
    },
    model: { ...model, summary },
    tracking: { experimentId, runId, url: runUrl(trackingUri(spec, defaults), experimentId, runId) },
    ...(gate.passed ? {} : { failure: { code: 'GATE_REFUSED', message: gate.message } }),
  };
  return withConditions(run, status, now, {
    Accepted: ACCEPTED,
    DatasetReady: ['True', 'DatasetVerified', `${report.dataset.files} images were fetched and checked`],
    Running: ['False', 'RunFinished', 'the run has ended'],
    Evaluated: ['True', 'Measured', measured],
    GatePassed: [gate.passed ? 'True' : 'False', gate.passed ? 'GateReached' : 'GateRefused', gate.message],
    Registered: ['True', 'VersionCreated', `version ${model.version} of ${model.name} is in the registry`],
    Succeeded: gate.passed
      ? ['True', 'ModelReady', `${summary}: ${measured}`]
      : ['False', 'GateRefused', `${summary} is registered, the alias was not moved: ${gate.message}`],
  });
}

function failed(run: TrainingRun, base: TrainingRunStatus, failure: Failure, now: number): TrainingRunStatus {
  const { reason, message } = failure;
  const status = withFailure({ ...base, completionTime: timestamp(now) }, failure);
  const unreached: Verdict = ['False', 'RunFailed', 'the run ended before this was reached'];
  const dataset: Verdict = isOfData(failure) ? ['False', reason, message] : datasetVerdict(base);
  return withConditions(run, status, now, {
    Accepted: ACCEPTED,
    DatasetReady: dataset === NOT_YET ? unreached : dataset,
    Running: ['False', 'RunFailed', 'the run has ended'],
    Evaluated: unreached,
    GatePassed: unreached,
    Registered: unreached,
    Succeeded: ['False', reason, message],
  });
}

function isOfData({ reason, exitCode }: Failure): boolean {
  return exitCode === TRAINER_EXIT_CODES.badData || reason.startsWith('Dataset');
}

function withFailure(status: TrainingRunStatus, failure: TrainingRunStatus['failure']): TrainingRunStatus {
  if (failure === undefined) return status;
  const { code, message, exitCode } = failure;
  return {
    ...status,
    failure: { code, message: clip(message, 2048), ...(exitCode === undefined ? {} : { exitCode }) },
  };
}

function withConditions(
  run: TrainingRun,
  status: TrainingRunStatus,
  now: number,
  verdicts: Verdicts,
): TrainingRunStatus {
  let conditions: readonly Condition[] = run.status.conditions ?? [];
  for (const [type, [value, reason, message]] of Object.entries(verdicts)) {
    const text = clip(message, 4096);
    const condition = { type, status: value, reason, message: text, observedGeneration: run.generation };
    conditions = setCondition(conditions, condition, now);
  }
  return { ...status, conditions, observedGeneration: run.generation };
}

function runUrl(uri: string, experimentId: string, runId: string): string {
  return `${uri}/#/experiments/${experimentId}/runs/${runId}`;
}
