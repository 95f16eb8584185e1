/** Every way in which a training run can end badly: who must act, and whether trying again can help. */

interface CodeEntry {
  /** Exit code of the trainer process: 64 usage, 65 data, 69 unavailable (worth a retry), 70 a bug. */
  readonly exit: 64 | 65 | 69 | 70;
  readonly text: string;
}

/** The one table of codes; a code never changes its meaning. */
export const TRAINER_CODES = {
  BAD_CONFIG: { exit: 64, text: 'the configuration of the run is not valid' },
  REMOTE_UNSUPPORTED: {
    exit: 64,
    text: 'the dataset remote is neither file://, http(s):// nor s3://, or asks for what we do not do',
  },
  WEIGHTS_MISSING: { exit: 64, text: 'no base weights were found' },
  WEIGHTS_DIGEST_MISMATCH: { exit: 64, text: 'the base weights are not the pinned ones' },
  WEIGHTS_FORMAT: { exit: 64, text: 'the base weights are not those of VGG16' },
  ENGINE_MISSING: { exit: 64, text: 'the native TensorFlow engine is not installed' },
  WINDOW_NOT_APPLICABLE: {
    exit: 64,
    text: 'a window is for pictures; a DICOM dataset has windows of its own',
  },
  DISK_FULL: { exit: 64, text: 'no space is left on the disk' },
  TRAINING_DIVERGED: { exit: 64, text: 'the loss is no finite number any more; lower the learning rate' },
  OUTPUT_UNWRITABLE: { exit: 64, text: 'the output folder cannot be made' },
  OUTPUT_NOT_EMPTY: { exit: 64, text: 'the output folder holds something that is not a model package' },

  DATASET_MISSING: { exit: 65, text: 'the dataset, or an object of it, is not there' },
  DATASET_MD5_MISMATCH: { exit: 65, text: 'an object of the dataset does not have the pinned md5' },
  DATASET_MALFORMED: { exit: 65, text: 'the directory object of the dataset cannot be read' },
  DATASET_POINTER_INVALID: {
    exit: 65,
    text: 'the .dvc file, dvc.lock or .dvc/config does not say where the dataset is',
  },
  DATASET_DIRTY: { exit: 65, text: 'the target folder holds files that are not part of the dataset' },
  DATASET_EMPTY: { exit: 65, text: 'the dataset holds no image' },
  NO_PATIENT_FOLDER: { exit: 65, text: 'images must lie under <label>/<patient>/' },
  MIXED_KINDS: { exit: 65, text: 'DICOM and pictures are mixed; Hounsfield units and grey values never are' },
  ONE_CLASS: { exit: 65, text: 'a classifier needs at least two labels' },
  NOT_A_NUMBER: { exit: 65, text: 'a score that is to be judged is not a finite number' },
  POSITIVE_LABEL_UNKNOWN: { exit: 65, text: 'it is not known which label counts as positive' },
  TOO_FEW_PATIENTS: { exit: 65, text: 'too few patients for training, validation and test' },
  UNREADABLE_IMAGE: { exit: 65, text: 'an image of the dataset cannot be read' },
  LABELS_DIFFER: { exit: 65, text: 'the dataset has labels that the model does not know' },
  SPLIT_MISSING: { exit: 65, text: 'the split that the model was trained on is not known' },
  SPLIT_MALFORMED: {
    exit: 65,
    text: 'the recorded split cannot be read, or is not the one that was recorded',
  },
  SPLIT_LEAKS: { exit: 65, text: 'a patient or a picture lies on two sides of the split, or has two labels' },
  JOURNAL_MALFORMED: { exit: 65, text: 'the journal of a study or cross-validation cannot be read' },
  JOURNAL_DIFFERS: { exit: 64, text: 'the journal is that of another study or cross-validation' },
  JOURNAL_IN_USE: { exit: 64, text: 'another process writes to the same journal' },
  STUDY_FAILED: { exit: 65, text: 'too many trials of the study failed, or none succeeded' },
  LABELS_MALFORMED: { exit: 65, text: 'the table of labels cannot be read' },
  PACKAGE_UNREADABLE: { exit: 65, text: 'the model package cannot be opened' },

  DATASET_UNREACHABLE: { exit: 69, text: 'the dataset remote does not answer' },
  DATASET_FORBIDDEN: { exit: 69, text: 'the dataset remote refuses the credentials' },
  WEIGHTS_UNREACHABLE: { exit: 69, text: 'the base weights cannot be fetched' },
  CHECKPOINT_UNREACHABLE: { exit: 69, text: 'the checkpoints cannot be read or written' },
  TRACKING_UNREACHABLE: { exit: 69, text: 'MLflow does not answer' },
  TRACKING_REFUSED: { exit: 69, text: 'MLflow refuses a request' },

  INTERNAL: { exit: 70, text: 'a bug in the trainer' },
} as const satisfies Record<string, CodeEntry>;

export type TrainerCode = keyof typeof TRAINER_CODES;

/** An error that names its cause by a stable code; compare `code`, never the message. */
export class TrainerError extends Error {
  readonly code: TrainerCode;

  constructor(code: TrainerCode, message?: string, options?: ErrorOptions) {
    super(message ?? TRAINER_CODES[code].text, options);
    this.name = 'TrainerError';
    this.code = code;
  }

  /** 64, 65, 69 or 70. */
  get exitCode(): number {
    return TRAINER_CODES[this.code].exit;
  }

  /** Whether the same run, started again, can succeed without anybody's help. */
  get retryable(): boolean {
    return this.exitCode === 69;
  }
}
