import { contractSchema, type Contract } from '@hilum/imaging';
import { z } from 'zod';
import { DECISION_FILE, type Decision } from '../decision/decision.ts';
import type { Golden } from './golden.ts';

/** The run that made a model, as MLflow and the cluster know it. */
export interface PackageRun {
  /** MLflow run id. */
  readonly id: string;
  readonly experimentId?: string | undefined;
  /** Name, namespace and uid of the TrainingRun, where there was one. */
  readonly trainingRun?:
    | { readonly name: string; readonly namespace: string; readonly uid: string }
    | undefined;
}

/** What a model package says about its model. */
export interface PackageMetadata {
  /** In the order of the network's outputs. */
  readonly labels: readonly string[];
  /** The label that AUC-ROC and a decision are about; one of `labels`. */
  readonly positiveLabel: string;
  /** How an image becomes the input; the server honours it exactly or refuses the package. */
  readonly contract: Contract;
  /** Final figures by their MLflow keys, such as `test/auc_roc`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Hex sha256 of the canonical base weights that training began with. */
  readonly baseWeightsSha256: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly run?: PackageRun | undefined;
}

/** One file of a package. */
export interface PackageFile {
  /** Relative to the package, with `/`. */
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/** A package on disk whose files were verified. */
export interface PackageInfo extends PackageMetadata {
  readonly dir: string;
  /** `sha256:` and the sha256 of manifest.json: it stands for the whole package. */
  readonly digest: string;
  /** All files but the manifest. */
  readonly files: readonly PackageFile[];
  /** How its scores are to be taken, where the run that made it learnt that and the manifest vouches for it. */
  readonly decision?: Decision;
  /** Absent in packages of versions before there were any. */
  readonly golden?: Golden;
}

/** Said in every place where a result of the model may be seen. */
export const INTENDED_USE = 'Research use only, not for diagnosis';

export const FILES = {
  mlmodel: 'MLmodel',
  onnx: 'model.onnx',
  tfjs: 'tfjs/model.json',
  tfjsWeights: 'tfjs/weights.bin',
  contract: 'contract.json',
  labels: 'labels.json',
  metrics: 'metrics.json',
  requirements: 'requirements.txt',
  conda: 'conda.yaml',
  pythonEnv: 'python_env.yaml',
  example: 'input_example.json',
  servingExample: 'serving_input_example.json',
  manifest: 'manifest.json',
} as const;

/** Where a package has one: the same network in whole numbers, which passed the gate of its run. */
export const INT8_PATH = 'model.int8.onnx';

/** Where a package has one; so that a threshold is never trusted that nobody vouched for, its path is in the manifest. */
export const DECISION_PATH = `training/${DECISION_FILE}`;

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

const labelFields = { labels: z.array(z.string().min(1)).min(2), positiveLabel: z.string() };

const labelsAgree = ({ labels, positiveLabel }: Pick<PackageMetadata, 'labels' | 'positiveLabel'>): boolean =>
  new Set(labels).size === labels.length && labels.includes(positiveLabel);
const DISAGREE = 'labels repeat, or positiveLabel is none of them';

export const labelsSchema = z.strictObject(labelFields).refine(labelsAgree, DISAGREE);

export const metricsSchema = z.record(z.string(), z.number());

const runSchema = z.strictObject({
  id: z.string(),
  experimentId: z.string().optional(),
  trainingRun: z.strictObject({ name: z.string(), namespace: z.string(), uid: z.string() }).optional(),
});

/** What of the metadata is kept in the manifest itself. */
const provenance = {
  createdAt: z.iso.datetime(),
  baseWeightsSha256: sha256Schema,
  run: runSchema.optional(),
};

// A path that leaves the package would make us read, and vouch for, files of the machine.
const pathSchema = z
  .string()
  .regex(/^[\w.-]+(\/[\w.-]+)*$/)
  .refine((path) => !path.split('/').includes('..'));

export const manifestSchema = z.strictObject({
  formatVersion: z.literal(1),
  intendedUse: z.string(),
  ...provenance,
  files: z.array(z.strictObject({ path: pathSchema, sha256: sha256Schema, bytes: z.int().min(0) })),
});

/** The whole metadata, as a trainer gives it. */
export const metadataSchema = z
  .strictObject({ ...labelFields, contract: contractSchema, metrics: metricsSchema, ...provenance })
  .refine(labelsAgree, DISAGREE);
