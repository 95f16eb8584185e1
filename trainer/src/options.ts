/** What a training run is asked for and what it gives. */
import type { Window } from '@hilum/imaging';
import type { Cut, PackageInfo } from '@hilum/model';
import type { SplitOptions } from './dataset/split.ts';
import type { Evaluation, Figures, Gate } from './evaluation.ts';
import type { Counts, TrainEvent } from './events.ts';
import type { RegisteredModel, Registration, TrackingOptions } from './tracking.ts';

export interface TrainOptions {
  /** `<label>/<patient>/…` of DICOM, or of PNG and JPEG. */
  readonly dataDir: string;
  /** Gets the model package; what a package left there before is replaced, anything else is refused. */
  readonly outDir: string;
  /** Computed features are kept here and found again by any later run. */
  readonly cacheDir: string;
  /** Canonical file of the base weights. */
  readonly baseWeights: string;
  readonly split: SplitOptions;
  /** By default `malignant` where there is such a label, else the last in alphabetical order. */
  readonly positiveLabel?: string;
  readonly preprocessing: { readonly inputSize: number; readonly window?: Window };
  readonly model: { readonly trainableFrom: Cut; readonly headUnits: number; readonly dropout: number };
  readonly hyperparameters: {
    readonly epochs: number;
    readonly batchSize: number;
    readonly learningRate: number;
    readonly seed: number;
  };
  /** Where the images came from; without it the pin is computed from them. */
  readonly dataset?: { readonly md5: string; readonly remote: string };
  readonly tracking?: TrackingOptions;
  /** Needs `tracking`. */
  readonly registration?: Registration;
  readonly onEvent?: (event: TrainEvent) => void;
  readonly signal?: AbortSignal;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface TrainResult {
  readonly dataset: Counts;
  /** On the images of the test part. */
  readonly evaluation: Figures;
  /** Absent where an earlier try of the same run had uploaded the package already. */
  readonly details?: Evaluation;
  readonly package?: PackageInfo;
  /** Of the package: `sha256:…` of its manifest. */
  readonly digest: string;
  readonly gate: Gate;
  readonly run?: { readonly experimentId: string; readonly runId: string; readonly url: string };
  readonly model?: RegisteredModel;
}
