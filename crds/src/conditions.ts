/** The vocabulary of status: every condition type and every reason, with who must act. */

export const CONDITION_TYPES = {
  TrainingRun: {
    Accepted: 'The operator can act on the spec.',
    DatasetReady: 'The pinned dataset was fetched and passed its checks.',
    Running: 'A training pod runs now.',
    Evaluated: 'The model was measured on the test part.',
    GatePassed: 'The model reached what registration.gate asks.',
    Registered: 'The model is a version in the MLflow registry.',
    Succeeded: 'Summary: the run reached a registered model that passed its gate.',
  },
  ModelDeployment: {
    Accepted: 'The operator can act on the spec.',
    ModelResolved: 'The registry named a version and its digest.',
    Available: 'Requests can be served now.',
    Progressing: 'A rollout is under way.',
    Ready: 'Summary: accepted, resolved, available and no rollout under way.',
  },
} as const;

export type TrainingRunCondition = keyof (typeof CONDITION_TYPES)['TrainingRun'];
export type ModelDeploymentCondition = keyof (typeof CONDITION_TYPES)['ModelDeployment'];

/** Who must act before the state changes. */
export type Actor = 'nobody' | 'user' | 'cluster admin' | 'MLflow admin' | 'Hilum developers';

interface ReasonText {
  readonly actor: Actor;
  readonly text: string;
}

/** Every reason of every condition. A report's code becomes a reason by `reasonOf`: DATASET_MISSING → DatasetMissing. */
export const REASONS = {
  Pending: { actor: 'nobody', text: 'Not reached yet.' },
  SpecAccepted: { actor: 'nobody', text: 'The spec is understood and acted on.' },
  SpecNotUnderstood: {
    actor: 'cluster admin',
    text: 'The stored object has fields this operator does not know; operator and CRDs differ in version.',
  },
  ChildRejected: {
    actor: 'user',
    text: 'The API server refused an object the spec asks for, such as a quota exceeded or an impossible resource.',
  },
  GpuImageMissing: {
    actor: 'cluster admin',
    text: 'The run asks for an NVIDIA GPU, and the operator has no GPU trainer image: set trainer.gpuImage of the chart. The user can also name an image in trainer.image, or leave the GPU out.',
  },
  NameTaken: {
    actor: 'user',
    text: 'An object with the name of a child exists and belongs to someone else; delete or rename it.',
  },

  Suspended: { actor: 'user', text: 'spec.suspend is true; set it to false to go on.' },
  PodPending: { actor: 'nobody', text: 'The pod is being created.' },
  Unschedulable: {
    actor: 'cluster admin',
    text: 'No node fits the pod: too little CPU, memory or GPU, or no node with the labels; the message has the scheduler’s words.',
  },
  ImagePull: {
    actor: 'user',
    text: 'The image cannot be pulled: a wrong name, a missing pull secret or an unreachable registry.',
  },
  ContainerConfig: {
    actor: 'user',
    text: 'The container cannot be configured: a Secret, ConfigMap or volume it names is absent.',
  },
  Training: { actor: 'nobody', text: 'A training pod runs.' },
  Retrying: { actor: 'nobody', text: 'The last try failed; the Job starts another.' },
  TrackingUnreachable: {
    actor: 'MLflow admin',
    text: 'MLflow does not answer; training and serving go on, and the operator keeps asking.',
  },
  RunFinished: { actor: 'nobody', text: 'The run has ended.' },
  RunFailed: {
    actor: 'user',
    text: 'The run ended before this was reached; Succeeded and failure name the cause.',
  },

  DatasetVerified: { actor: 'nobody', text: 'Every file has the md5 that the pin asks for.' },
  Measured: { actor: 'nobody', text: 'Accuracy and AUC-ROC on the test part are in status.evaluation.' },
  GateReached: { actor: 'nobody', text: 'The model reached the gate; the alias points at it.' },
  GateRefused: {
    actor: 'user',
    text: 'The model is registered but below the gate; the alias was not moved. Improve the data or the training.',
  },
  VersionCreated: { actor: 'nobody', text: 'The registry holds the version in status.model.' },
  ModelReady: { actor: 'nobody', text: 'The model is trained, registered and past its gate.' },

  StartDeadlineExceeded: {
    actor: 'user',
    text: 'No pod started within limits.startSeconds; the message has the last known cause.',
  },
  DeadlineExceeded: { actor: 'user', text: 'The run took longer than limits.activeSeconds.' },
  RetriesExhausted: { actor: 'user', text: 'The pod failed more often than limits.retries allows.' },
  OOMKilled: {
    actor: 'user',
    text: 'The container went over its memory limit; raise the limit, or lower batch or input size.',
  },
  JobDeleted: {
    actor: 'user',
    text: 'The Job was deleted before it ended; it is not made again. Make a new TrainingRun.',
  },
  TrainerFailed: {
    actor: 'Hilum developers',
    text: 'The trainer ended without a cause that this table knows; its message and logs have more.',
  },
  ReportUnreadable: {
    actor: 'Hilum developers',
    text: 'The trainer ended well but its report cannot be read; trainer and operator differ in version.',
  },
  BadConfig: { actor: 'user', text: 'The trainer refused its configuration.' },
  BadData: { actor: 'user', text: 'The trainer refused the dataset.' },
  ContainerFailed: {
    actor: 'user',
    text: 'The container ended with an error; its last words are in the message.',
  },
  Evicted: { actor: 'cluster admin', text: 'The node ran short of memory or disk and put the pod out.' },
  // What the trainer reports, by its own codes.
  RemoteUnsupported: {
    actor: 'user',
    text: 'The dataset remote is neither file://, http(s):// nor s3://, or asks for what Hilum does not do.',
  },
  WeightsMissing: {
    actor: 'user',
    text: 'The trainer image has no base weights; name some in model.baseWeights.',
  },
  WeightsDigestMismatch: { actor: 'user', text: 'The base weights do not have the digest that was pinned.' },
  WeightsFormat: { actor: 'user', text: 'The base weights are not those of VGG16 in the canonical form.' },
  WeightsUnreachable: { actor: 'user', text: 'The base weights cannot be fetched; check their address.' },
  EngineMissing: { actor: 'Hilum developers', text: 'The trainer image has no native TensorFlow.' },
  TrainingDiverged: {
    actor: 'user',
    text: 'The loss is no finite number any more; lower hyperparameters.learningRate or add warm-up epochs.',
  },
  CheckpointUnreachable: {
    actor: 'cluster admin',
    text: 'The volume or bucket of the checkpoints cannot be read; the message has its answer.',
  },
  DiskFull: { actor: 'user', text: 'The work volume of the pod is full; give it more room.' },
  OutputUnwritable: { actor: 'Hilum developers', text: 'The work folder of the pod cannot be written.' },
  OutputNotEmpty: { actor: 'Hilum developers', text: 'The work folder of the pod was not empty.' },
  DatasetMissing: {
    actor: 'user',
    text: 'The remote has no dataset with this md5; push it, or correct remote or md5.',
  },
  DatasetMd5Mismatch: { actor: 'user', text: 'A file of the dataset does not have its md5; push it again.' },
  DatasetMalformed: {
    actor: 'user',
    text: 'The directory object of the dataset cannot be read; push it again.',
  },
  DatasetPointerInvalid: {
    actor: 'user',
    text: 'The .dvc file, dvc.lock or .dvc/config does not say where the dataset is; the message has what is missing.',
  },
  DatasetDirty: {
    actor: 'Hilum developers',
    text: 'The data folder of the pod held files that are not of the dataset.',
  },
  DatasetEmpty: { actor: 'user', text: 'The dataset holds no image.' },
  DatasetUnreachable: {
    actor: 'user',
    text: 'The remote does not answer; check its address and network policy.',
  },
  DatasetForbidden: { actor: 'user', text: 'The remote refuses the credentials.' },
  NoPatientFolder: { actor: 'user', text: 'Images must lie under <label>/<patient>/.' },
  MixedKinds: { actor: 'user', text: 'The dataset holds DICOM and pictures; they are never mixed.' },
  WindowNotApplicable: {
    actor: 'user',
    text: 'preprocessing.window is for a dataset of pictures; leave it out for DICOM.',
  },
  OneClass: { actor: 'user', text: 'The dataset has one label; a classifier needs at least two.' },
  NotANumber: {
    actor: 'user',
    text: 'The model answered with something that is no number: training diverged; lower the learning rate.',
  },
  PositiveLabelUnknown: {
    actor: 'user',
    text: 'dataset.positiveLabel is not a label of the dataset, or must be named.',
  },
  TooFewPatients: {
    actor: 'user',
    text: 'There are too few patients to train, validate and test; add some or change the split.',
  },
  UnreadableImage: { actor: 'user', text: 'An image of the dataset cannot be read.' },
  LabelsDiffer: { actor: 'user', text: 'The dataset has labels that the model does not know.' },
  SplitMissing: { actor: 'Hilum developers', text: 'The split that the model was trained on is not known.' },
  SplitMalformed: {
    actor: 'user',
    text: 'The recorded split is damaged, or of another dataset; record it again.',
  },
  SplitLeaks: {
    actor: 'user',
    text: 'A patient or a picture lies on two sides of the split, or has two labels; the message names the pairs.',
  },
  JournalMalformed: { actor: 'user', text: 'The journal of the search is damaged; remove it to begin anew.' },
  JournalDiffers: {
    actor: 'user',
    text: 'The folder holds the journal of another search; name another folder or remove it.',
  },
  JournalInUse: { actor: 'user', text: 'Two processes write to one journal; end one of them.' },
  StudyFailed: {
    actor: 'user',
    text: 'Too many trials failed, or none succeeded; the message has the last cause.',
  },
  LabelsMalformed: { actor: 'user', text: 'The table of labels cannot be read; the message names its rows.' },
  PackageUnreadable: { actor: 'Hilum developers', text: 'The model package cannot be opened.' },
  Internal: { actor: 'Hilum developers', text: 'A bug in the trainer; its log has more.' },
  Interrupted: { actor: 'nobody', text: 'The training pod was told to end before it had finished.' },

  VersionResolved: { actor: 'nobody', text: 'The registry named the version in status.model.' },
  ModelNotFound: { actor: 'user', text: 'The registry has no such model.' },
  AliasNotFound: {
    actor: 'user',
    text: 'The model has no such alias; set it, or wait for a run that passes its gate.',
  },
  VersionNotFound: { actor: 'user', text: 'The model has no such version.' },
  TrackingRefused: {
    actor: 'MLflow admin',
    text: 'MLflow refused the request; check its credentials and allowed hosts.',
  },
  DigestMissing: {
    actor: 'user',
    text: 'The version has no hilum.digest tag, so what the pods load could not be checked; register it by a TrainingRun.',
  },
  MinimumReplicasReady: { actor: 'nobody', text: 'At least one pod answers.' },
  NoReplicasReady: {
    actor: 'nobody',
    text: 'No pod answers yet; lastFailure names a cause where there is one.',
  },
  ScaledToZero: { actor: 'user', text: 'spec.replicas is 0; raise it to serve.' },
  RollingOut: {
    actor: 'nobody',
    text: 'Pods of the new version start; old ones serve until they are ready.',
  },
  RolloutComplete: { actor: 'nobody', text: 'All pods are of the present version and ready.' },
  ProgressDeadlineExceeded: {
    actor: 'user',
    text: 'The rollout made no progress within limits.progressSeconds; lastFailure names the cause. Old pods go on serving.',
  },
  CrashLoop: { actor: 'user', text: 'The container ends again and again; lastFailure has its last words.' },
  Serving: { actor: 'nobody', text: 'The service answers with the model in status.model.' },
} as const satisfies Record<string, ReasonText>;

export type Reason = keyof typeof REASONS;

/** The reason for a code of a report; `TrainerFailed` for a code that the table does not know. */
export function reasonOf(code: string): Reason {
  const name = code
    .toLowerCase()
    .split('_')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
  return isReason(name) ? name : 'TrainerFailed';
}

/** Whether it is one of ours: a status may have been written by another version. */
export function isReason(name: string): name is Reason {
  return Object.hasOwn(REASONS, name);
}
