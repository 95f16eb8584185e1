/** What a training run is asked for and what it gives. */
import type { Window } from '@hilum/imaging';
import type { PackageInfo } from '@hilum/model';
import type { SplitSource } from './dataset/choose-split.ts';
import type { Verdict } from './evaluation/judge.ts';
import type { Figures } from './evaluation.ts';
import type { Examination } from './examine.ts';
import type { Counts, TrainEvent } from './events.ts';
import type { AugmentationRecipe, FitRecipe, NetworkRecipe } from './recipe.ts';
import type { LabelSource } from './labels/label.ts';
import type { FoundSettings, SearchOptions } from './study/search-options.ts';
import type { RegisteredModel, Registration, TrackingOptions } from './tracking.ts';

export interface TrainOptions {
  /** `<label>/<patient>/…` of DICOM, or of PNG and JPEG; a table of labels may order it otherwise. */
  readonly dataDir: string;
  /** Default: the folders of `dataDir`. */
  readonly labels?: LabelSource;
  /** Gets the model package; what a package left there before is replaced, anything else is refused. */
  readonly outDir: string;
  /** Computed features are kept here and found again by any later run. */
  readonly cacheDir: string;
  /** Canonical file of the base weights. */
  readonly baseWeights: string;
  /** How to deal the patients, or the file of a recorded split. */
  readonly split: SplitSource;
  /** By default `malignant` where there is such a label, else the last in alphabetical order. */
  readonly positiveLabel?: string;
  readonly preprocessing: { readonly inputSize: number; readonly window?: Window };
  readonly model: NetworkRecipe;
  readonly hyperparameters: FitRecipe;
  readonly augmentation: AugmentationRecipe;
  /** Settings are searched for first, by the training and validation part; what stands above is what it varies. */
  readonly search?: SearchOptions;
  /** Whether the package is to have a quantised ONNX file beside the model, where that costs next to no AUC; default false. */
  readonly int8?: boolean;
  /** Where an unfinished run is kept, for the next start with the same images and settings to go on from. */
  readonly checkpoint?: {
    /** A folder, or `s3://bucket/prefix`; runs of other images or settings may share it. */
    readonly place: string;
    /** Longest time between two; default 30. */
    readonly everySeconds?: number;
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
  readonly details?: Examination;
  readonly package?: PackageInfo;
  /** Absent where none was asked for, or an earlier try had done it. */
  readonly search?: FoundSettings;
  /** Of the package: `sha256:…` of its manifest. */
  readonly digest: string;
  readonly gate: Verdict;
  readonly run?: { readonly experimentId: string; readonly runId: string; readonly url: string };
  readonly model?: RegisteredModel;
}
