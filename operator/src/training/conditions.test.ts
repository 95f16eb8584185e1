/** What a run says of itself, by what its Job, its pods and MLflow show. */
import { describe, expect, it } from 'vitest';
import { findCondition } from '../kube/index.ts';
import {
  DEFAULTS,
  NOW,
  aJob,
  aPod,
  aRun,
  aWorld,
  ago,
  ended,
  failureReport,
  nothingYet,
  running,
  successReport,
  summaryOf,
  unschedulable,
} from '../test/runs.ts';
import { decide } from './decide.ts';
import type { TrainingRun } from './training-run.ts';
import type { TrainingWorld } from './world.ts';

const PASSED = { passed: true, message: 'AUC-ROC 0.912 reaches 0.80' };
const drained = aPod('Failed', {
  secondsAgo: 7199,
  conditions: [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: ago(10) }],
});
const COMPLETE = aJob({ end: { type: 'Complete' } });
const finalFailure = (reason: string, failed = 1) => aJob({ end: { type: 'Failed', reason }, failed });
const GPU = { resources: { limits: { 'nvidia.com/gpu': 1 } } };
const { trainerGpuImage: _, ...WITHOUT_GPU_IMAGE } = DEFAULTS;

interface Row {
  readonly name: string;
  readonly run?: TrainingRun;
  readonly world: TrainingWorld;
  /** Conditions, as `status reason`; those not named are not looked at. */
  readonly want: Record<string, string>;
  readonly failure?: object;
  /** Part of the message of Succeeded. */
  readonly says?: string;
}

const rows: readonly Row[] = [
  {
    name: 'waits for a Job that was just made',
    world: nothingYet(),
    run: aRun({ status: {} }),
    want: { Accepted: 'True SpecAccepted', Running: 'False PodPending', Succeeded: 'Unknown PodPending' },
  },
  {
    name: 'waits for a pod of the Job',
    world: aWorld(),
    want: { Running: 'False PodPending', DatasetReady: 'Unknown Pending' },
  },
  {
    name: 'passes on what the scheduler says',
    world: aWorld({ pods: [unschedulable()] }),
    want: { Running: 'False Unschedulable', Succeeded: 'Unknown Unschedulable' },
    says: 'Insufficient nvidia.com/gpu',
  },
  {
    name: 'names an image that cannot be pulled',
    world: aWorld({
      pods: [
        aPod('Pending', { state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }),
      ],
    }),
    want: { Running: 'False ImagePull' },
    says: 'no such image',
  },
  {
    name: 'trains',
    world: aWorld({ pods: [running()] }),
    want: { Running: 'True Training', Succeeded: 'Unknown Training', Evaluated: 'Unknown Pending' },
  },
  {
    name: 'shows the epoch that MLflow has, and that the dataset must be good then',
    world: aWorld({
      pods: [running()],
      tracked: { value: { experimentId: '1', runId: 'abc', status: 'RUNNING', epoch: 7, aucRoc: 0.875 } },
    }),
    want: { Running: 'True Training', DatasetReady: 'True DatasetVerified' },
    says: 'epoch 7 of 20 is finished, validation AUC-ROC 0.875',
  },
  {
    name: 'keeps training when MLflow does not answer, and says so',
    world: aWorld({ pods: [running()], tracked: { error: new Error('refused') } }),
    want: { Running: 'True TrackingUnreachable', Succeeded: 'Unknown Training' },
  },
  {
    name: 'is suspended, whatever its pods did before',
    run: aRun({ specChanges: { suspend: true } }),
    world: aWorld(),
    want: { Running: 'False Suspended', Succeeded: 'Unknown Suspended' },
  },
  {
    name: 'names the failure of a try while the Job starts another',
    world: aWorld({ job: aJob({ failed: 1 }), pods: [ended(137, undefined, { why: 'OOMKilled' })] }),
    want: { Running: 'False Retrying', Succeeded: 'Unknown Retrying' },
    failure: { code: 'OOM_KILLED', exitCode: 137 },
    says: 'OOMKilled: the container went over its memory limit',
  },
  {
    name: 'has a new start deadline for each try, however long the last one trained',
    world: aWorld({
      job: aJob({ failed: 1, startedSecondsAgo: 7200 }),
      pods: [
        ended(69, failureReport('TRACKING_UNREACHABLE', 'MLflow does not answer'), { secondsAgo: 7199 }),
      ],
    }),
    want: { Running: 'False Retrying', Succeeded: 'Unknown Retrying' },
    failure: { code: 'TRACKING_UNREACHABLE', exitCode: 69 },
  },
  {
    name: 'has a new start deadline after a disruption',
    world: aWorld({ job: aJob({ startedSecondsAgo: 7200 }), pods: [drained] }),
    want: { Running: 'False PodPending' },
  },
  {
    name: 'is not late for having been suspended, before the Job knows that it goes on',
    world: aWorld({ job: aJob({ spec: { suspend: true }, startedSecondsAgo: 90_000, notStarted: true }) }),
    want: { Running: 'False PodPending' },
    says: 'is being resumed',
  },
  {
    name: 'is not late for having been suspended, before the Job controller acts',
    world: aWorld({
      job: aJob({
        startedSecondsAgo: 90_000,
        notStarted: true,
        conditions: [{ type: 'Suspended', status: 'True' }],
      }),
    }),
    want: { Running: 'False PodPending' },
  },
  {
    name: 'does not hold a disruption against the run',
    world: aWorld({
      pods: [
        ended(137, undefined, { conditions: [{ type: 'DisruptionTarget', status: 'True' }] }),
        running(),
      ],
    }),
    want: { Running: 'True Training' },
  },
  {
    name: 'waits for the last state of the pod when the Job is ahead of it',
    world: aWorld({ job: COMPLETE, pods: [running()] }),
    want: { Running: 'False RunFinished', Succeeded: 'Unknown Training' },
  },
  {
    name: 'succeeds with what the trainer reports',
    world: aWorld({ job: COMPLETE, pods: [ended(0, successReport(PASSED))] }),
    want: {
      Evaluated: 'True Measured',
      GatePassed: 'True GateReached',
      Registered: 'True VersionCreated',
      Succeeded: 'True ModelReady',
      Running: 'False RunFinished',
    },
    says: 'lung/4: AUC-ROC 0.912',
  },
  {
    name: 'is registered but not a success below the gate',
    world: aWorld({
      job: COMPLETE,
      pods: [ended(0, successReport({ passed: false, message: 'AUC-ROC 0.912 is below 0.95' }))],
    }),
    want: {
      Registered: 'True VersionCreated',
      GatePassed: 'False GateRefused',
      Succeeded: 'False GateRefused',
    },
    failure: { code: 'GATE_REFUSED', message: 'AUC-ROC 0.912 is below 0.95' },
  },
  {
    name: 'is no success when nobody can read the report',
    world: aWorld({ job: COMPLETE, pods: [ended(0, 'epoch 20 finished')] }),
    want: { Succeeded: 'False ReportUnreadable', Registered: 'False RunFailed' },
    failure: { code: 'REPORT_UNREADABLE' },
  },
  {
    name: 'is no success when the pod is gone',
    world: aWorld({ job: aJob({ end: { type: 'Complete', secondsAgo: 90 } }) }),
    want: { Succeeded: 'False ReportUnreadable' },
    says: 'its pod is gone',
  },
  {
    name: 'fails by the code of the report',
    world: aWorld({
      job: finalFailure('PodFailurePolicy'),
      pods: [ended(65, failureReport('DATASET_MISSING', 'the remote has no such md5'))],
    }),
    want: {
      DatasetReady: 'False DatasetMissing',
      Succeeded: 'False DatasetMissing',
      Evaluated: 'False RunFailed',
    },
    failure: { code: 'DATASET_MISSING', message: 'the remote has no such md5', exitCode: 65 },
  },
  {
    name: 'passes on a code that this operator does not know',
    world: aWorld({
      job: finalFailure('PodFailurePolicy'),
      pods: [ended(64, failureReport('BRAND_NEW', 'something new'))],
    }),
    want: { Succeeded: 'False TrainerFailed' },
    failure: { code: 'BRAND_NEW', message: 'BRAND_NEW: something new', exitCode: 64 },
  },
  {
    name: 'quotes the log of a trainer that left no report',
    world: aWorld({ job: finalFailure('PodFailurePolicy'), pods: [ended(65, 'Error: cannot read')] }),
    want: { Succeeded: 'False BadData', DatasetReady: 'False BadData' },
    failure: { code: 'BAD_DATA', message: 'Error: cannot read', exitCode: 65 },
  },
  {
    name: 'names the cause of the last try when all tries are used up',
    world: aWorld({
      job: finalFailure('BackoffLimitExceeded', 3),
      pods: [ended(70), ended(137, undefined, { why: 'OOMKilled' })],
    }),
    want: { Succeeded: 'False OOMKilled' },
    failure: { code: 'OOM_KILLED', exitCode: 137 },
    says: '(3 of 3 tries failed)',
  },
  {
    name: 'takes longer than it may',
    world: aWorld({ job: finalFailure('DeadlineExceeded') }),
    want: { Succeeded: 'False DeadlineExceeded' },
    failure: { code: 'DEADLINE_EXCEEDED' },
  },
  {
    name: 'fails when its pod did not start in time, with the cause',
    run: aRun({ specChanges: { limits: { startSeconds: 30 } } }),
    world: aWorld({ pods: [unschedulable(31)] }),
    want: { Succeeded: 'False StartDeadlineExceeded' },
    failure: { code: 'START_DEADLINE_EXCEEDED' },
    says: 'Insufficient nvidia.com/gpu',
  },
  {
    name: 'is over when its Job is gone',
    world: nothingYet({ jobGone: true }),
    want: { Succeeded: 'False JobDeleted' },
    failure: { code: 'JOB_DELETED' },
  },
  {
    name: 'is not accepted with fields that this operator does not know',
    run: aRun({ spec: { problem: 'Unrecognized key: "sharding"' } }),
    world: nothingYet(),
    want: { Accepted: 'False SpecNotUnderstood', Succeeded: 'Unknown SpecNotUnderstood' },
    says: 'sharding',
  },
  {
    name: 'is not accepted when the API server refuses its Job',
    world: nothingYet({ rejected: 'Job nodules: exceeded quota' }),
    want: { Accepted: 'False ChildRejected', Running: 'False ChildRejected' },
    says: 'exceeded quota',
  },
  {
    name: 'is not accepted when it asks for a GPU and there is no image that uses one',
    run: aRun({ specChanges: { trainer: GPU }, status: {} }),
    world: nothingYet({ defaults: WITHOUT_GPU_IMAGE }),
    want: { Accepted: 'False GpuImageMissing', Succeeded: 'Unknown GpuImageMissing' },
    says: 'chart value trainer.gpuImage',
  },
  {
    name: 'trains on in the Job that it has when the operator loses its GPU image',
    run: aRun({ specChanges: { trainer: GPU } }),
    world: aWorld({ defaults: WITHOUT_GPU_IMAGE, pods: [running()] }),
    want: { Accepted: 'True SpecAccepted', Running: 'True Training' },
  },
  {
    name: 'names the deleted Job, not the GPU image that is missing too',
    run: aRun({ specChanges: { trainer: GPU } }),
    world: nothingYet({ defaults: WITHOUT_GPU_IMAGE, jobGone: true }),
    want: { Succeeded: 'False JobDeleted' },
  },
];

describe('a run', () => {
  it.each(rows)('$name', ({ run = aRun(), world, want, failure, says }) => {
    const { status } = decide(run, world, NOW);
    expect(summaryOf(status)).toMatchObject(want);
    expect(status?.failure ?? {}).toMatchObject(failure ?? {});
    expect(findCondition(status?.conditions ?? [], 'Succeeded')?.message).toContain(says ?? '');
    expect(status?.conditions?.map(({ type }) => type)).toEqual([
      'Accepted',
      'DatasetReady',
      'Running',
      'Evaluated',
      'GatePassed',
      'Registered',
      'Succeeded',
    ]);
  });
});
