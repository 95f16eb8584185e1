/** How a network is made and trained: what a search may vary, and what MLflow shows as parameters. */
import type { TrainerConfig } from '@hilum/crds';
import type { Cut, Tap } from '@hilum/model';

export interface Recipe {
  readonly model: NetworkRecipe;
  readonly hyperparameters: FitRecipe;
  readonly augmentation: AugmentationRecipe;
}

/** The parts of a TrainingRun's spec, where fractions are text, as numbers. */
export function recipeOf({
  model,
  hyperparameters,
  augmentation,
}: Pick<TrainerConfig, 'model' | 'hyperparameters' | 'augmentation'>): Recipe {
  const { trainableFrom, taps, pooling, views, normalise, headUnits, dropout, l2 } = model;
  return {
    model: {
      trainableFrom,
      taps,
      pooling,
      views: views === 4 ? 4 : 1,
      normalise,
      headUnits,
      dropout: Number(dropout),
      l2: Number(l2),
    },
    hyperparameters: { ...hyperparameters, learningRate: Number(hyperparameters.learningRate) },
    augmentation,
  };
}

export interface NetworkRecipe {
  /** The first layer that learns: the new head only, or VGG16 from this convolution on. */
  readonly trainableFrom: Cut;
  /** Layers whose maps are pooled into the feature vector, in this order; none lies before `trainableFrom`. */
  readonly taps: readonly Tap[];
  /** Global average of each map, or its average and its maximum. */
  readonly pooling: 'avg' | 'avg-max';
  /** 4: the mean over an image and its mirrored ones, in training as in serving; not for whole slices. */
  readonly views: 1 | 4;
  /** `quantile`: each feature by its rank among the training images, as a normal deviate; needs `trainableFrom: head`. */
  readonly normalise: 'none' | 'quantile';
  /** Width of the hidden layer; 0 is a linear head. */
  readonly headUnits: number;
  /** Share of the hidden units (of the features, where there are none) dropped while training, from 0 to below 1. */
  readonly dropout: number;
  /** Added to the loss: this times the sum of the squared kernels of trainable layers, as in Keras' `regularizers.l2`. */
  readonly l2: number;
}

export interface FitRecipe {
  readonly epochs: number;
  /** Images a step. */
  readonly batchSize: number;
  /** Highest step size, above 0. */
  readonly learningRate: number;
  /** Of initial weights, order, dropout and augmentation. */
  readonly seed: number;
  readonly optimizer: 'adam' | 'sgd';
  /** Step size after the warm-up: the same, along half a cosine to 0, or halved whenever validation AUC stands still. */
  readonly schedule: 'constant' | 'cosine' | 'plateau';
  /** Epochs over which the step size grows from 0. */
  readonly warmupEpochs: number;
  /** Epochs without a better validation AUC after which training ends; 0: never. */
  readonly patience: number;
  /** Whose weights are kept: those of the epoch with the best validation AUC, or of the last: then validation chooses nothing. */
  readonly keepEpoch: 'best' | 'last';
  /** `balanced`: every class has the same say, however rare. */
  readonly classWeights: 'balanced' | 'none';
  /** `equal`: the images of a unit (a nodule, a series) together weigh as much as those of any other. */
  readonly unitWeights: 'none' | 'equal';
}

/** Changed copies of the training images; they are made once and cached, and epoch e trains on copy (e - 1) mod (copies + 1). */
export interface AugmentationRecipe {
  /** Changed copies of each training image; 0: none. Copy 0 is the image itself. */
  readonly copies: number;
  /** Greatest turn to either side. */
  readonly rotationDegrees: number;
  /** Greatest shift along each axis, in percent of the image's side. */
  readonly shiftPercent: number;
  /** Greatest growth or shrinkage, in percent. */
  readonly scalePercent: number;
  /** Standard deviation of added noise: HU for DICOM, grey levels of 255 for pictures. */
  readonly noise: number;
}
