/** The training loop: the trainable tail over features, the best epoch kept, resumable at every step. */
import { setImmediate as breathe } from 'node:timers/promises';
import { setTrainingStep, type Tf } from '@hilum/model';
import { TrainerError } from '../errors.ts';
import { accuracy, aucRoc } from '../metrics.ts';
import { seededRandom, shuffled } from '../random.ts';
import type { FitRecipe } from '../recipe.ts';
import type { LayersModel } from '../tensors.ts';
import { crossEntropy, lossAndGradients, predictRows, type FeatureRows } from './batch.ts';
import { endOf, keptOf, plateauHalvings, type Ending, type Epoch } from './epoch.ts';
import { imageWeights } from './image-weights.ts';
import { Keeper, type CheckpointEvent, type CheckpointOptions } from './keeper.ts';
import { learningRateAt } from './learning-rate.ts';
import { TrainingState } from './state.ts';

export interface FitOptions {
  readonly tf: Tf;
  /** Features → probabilities; its weights are changed. */
  readonly tail: LayersModel;
  readonly features: FeatureRows;
  /** Class of every image of the dataset. */
  readonly classes: ArrayLike<number>;
  readonly classCount: number;
  /** Of every image of the dataset, which nodule or series it belongs to; needed for `unitWeights: equal`. */
  readonly units?: ArrayLike<string | number>;
  readonly positiveClass: number;
  /** Indices of images. */
  readonly train: readonly number[];
  readonly validation: readonly number[];
  readonly recipe: FitRecipe;
  /** Added to the loss: this times the sum of the squared kernels of trainable layers; default 0. */
  readonly l2?: number;
  /** Changed copies of each image; epoch e trains on copy (e - 1) mod (copies + 1); default 0: the image itself. */
  readonly copies?: number;
  readonly checkpoint?: CheckpointOptions;
  /** Milliseconds since 1970: for speed, times of metrics, and when a checkpoint is due; no result depends on it. */
  readonly now: () => number;
  readonly signal?: AbortSignal;
  /** After a kill between it and the next checkpoint, the same epoch comes again. `stop` ends training after it. */
  readonly onEpoch?: (epoch: Epoch) => Promise<OnEpoch> | OnEpoch;
  /** The epochs that a checkpoint has, before training goes on from it: what was not sent before can be sent again. */
  readonly onResume?: (epochs: readonly Epoch[]) => Promise<void> | void;
  readonly onStep?: (step: Step) => void;
  readonly onEvent?: (event: CheckpointEvent) => void;
}

// A callback that has nothing to say need not return.
// oxlint-disable-next-line typescript/no-invalid-void-type
type OnEpoch = 'stop' | 'go-on' | void;

export interface Step {
  readonly epoch: number;
  /** From 1, within the epoch. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
}

export interface Fitted {
  /** The epoch whose weights the tail has now. */
  readonly best: Epoch;
  readonly epochs: readonly Epoch[];
  readonly ended: Ending;
}

/**
 * Trains, and leaves the tail with the weights of the epoch that has the best validation AUC-ROC (of equal ones, the one
 * with the lower validation loss), or of the last where the recipe says so.
 *
 * The same seed, features and machine give the same weights, also where the run was stopped or killed and went on from
 * a checkpoint: order, dropout, step size and copy are functions of seed, epoch and step.
 *
 * @throws TrainerError TRAINING_DIVERGED; TOO_FEW_PATIENTS where the validation part has no AUC-ROC; CHECKPOINT_UNREACHABLE
 */
export async function fit(options: FitOptions): Promise<Fitted> {
  checkParts(options);
  const state = new TrainingState(options);
  const { checkpoint: kept, now, signal, onEvent } = options;
  const keeper =
    kept === undefined
      ? undefined
      : new Keeper(kept, { capture: () => state.capture(kept.key), now, signal, onEvent });
  try {
    await resume(options, state, keeper);
    return await trainOn(options, state, keeper);
  } finally {
    keeper?.close();
    state.dispose();
  }
}

async function resume(
  { onEvent, onResume }: FitOptions,
  state: TrainingState,
  keeper: Keeper | undefined,
): Promise<void> {
  const checkpoint = await keeper?.load();
  if (checkpoint === undefined) return;
  if (!state.restore(checkpoint)) {
    keeper?.refuse('its tensors are not those of this network and optimiser');
    return;
  }
  onEvent?.({ type: 'resumed', epoch: checkpoint.epoch, step: checkpoint.step });
  await onResume?.(state.epochs);
}

async function trainOn(
  options: FitOptions,
  state: TrainingState,
  keeper: Keeper | undefined,
): Promise<Fitted> {
  const { recipe } = options;
  let ended: Ending | undefined = endOf(state.epochs, recipe);
  try {
    while (ended === undefined) {
      const speed = await trainEpoch(options, state, keeper);
      const epoch = { ...(await measure(options, state)), imagesPerSecond: speed, endedAtMs: options.now() };
      const wish = await options.onEpoch?.(epoch);
      state.endEpoch(epoch);
      ended = endOf(state.epochs, recipe) ?? (wish === 'stop' ? 'asked' : undefined);
      if (ended === undefined) await keeper?.afterEpoch(epoch.epoch * stepsPerEpoch(options));
    }
    await keeper?.last();
  } catch (error) {
    const isLost = error instanceof TrainerError && error.code === 'TRAINING_DIVERGED';
    if (!isLost) await keeper?.onStop();
    throw error;
  }
  const best = keptOf(state.epochs, recipe);
  if (best === undefined) throw new RangeError('at least one epoch is needed');
  state.takeBest();
  return { best, epochs: state.epochs, ended };
}

/** @returns images a second */
async function trainEpoch(
  options: FitOptions,
  state: TrainingState,
  keeper: Keeper | undefined,
): Promise<number> {
  const { train, recipe, now, signal } = options;
  const { epoch } = state;
  const order = shuffled(train.length, seededRandom('shuffle', recipe.seed, epoch));
  const weights = imageWeights(options);
  const copy = (epoch - 1) % ((options.copies ?? 0) + 1);
  const steps = stepsPerEpoch(options);
  const started = now();
  let images = 0;
  while (state.step < steps) {
    signal?.throwIfAborted();
    const start = state.step * recipe.batchSize;
    const batch = Int32Array.from(order.subarray(start, start + recipe.batchSize), (at) => train[at] ?? 0);
    const loss = trainStep(options, state, { batch, copy, weights });
    images += batch.length;
    options.onStep?.({ epoch, step: state.step, steps, loss });
    if (state.step < steps) await keeper?.afterStep((epoch - 1) * steps + state.step);
    await breathe(); // signals and sockets get their turn between steps
  }
  return (1000 * images) / Math.max(1, now() - started);
}

function trainStep(
  options: FitOptions,
  state: TrainingState,
  {
    batch,
    copy,
    weights,
  }: { readonly batch: Int32Array; readonly copy: number; readonly weights: Float32Array },
): number {
  const { variables, epoch } = state;
  const done = (epoch - 1) * stepsPerEpoch(options) + state.step;
  setTrainingStep(options.tail, done + 1); // dropout is drawn by it
  const { loss, gradients } = lossAndGradients(options, batch, { copy, weights, variables });
  try {
    if (!Number.isFinite(loss)) throw diverged(options, epoch, `step ${state.step + 1}`);
    state.descend(gradients, rateAt(options, state, done), done + 1);
  } finally {
    options.tf.dispose([...gradients]);
  }
  state.endStep(loss * batch.length);
  return loss;
}

/** @param step from 0, over all epochs */
function rateAt(options: FitOptions, state: TrainingState, step: number): number {
  const { recipe } = options;
  const halvings = plateauHalvings(state.epochs, recipe);
  return learningRateAt({ recipe, step, stepsPerEpoch: stepsPerEpoch(options), halvings });
}

async function measure(
  options: FitOptions,
  state: TrainingState,
): Promise<Omit<Epoch, 'imagesPerSecond' | 'endedAtMs'>> {
  const { tf, tail, features, signal, validation, positiveClass, train, recipe } = options;
  const { batchSize, epochs } = recipe;
  const { epoch } = state;
  const rows = await predictRows({ tf, tail, features, batchSize, signal }, validation);
  const classes = validation.map((index) => options.classes[index] ?? 0);
  const losses = rows.map((row, at) => crossEntropy(row, classes[at] ?? 0));
  const valLoss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  if (!Number.isFinite(valLoss)) throw diverged(options, epoch, 'its last step');
  return {
    epoch,
    epochs,
    loss: state.lossSum / train.length,
    valLoss,
    valAccuracy: accuracy(rows, classes),
    valAucRoc: aucRoc(
      rows.map((row) => row[positiveClass] ?? 0),
      classes.map((label) => label === positiveClass),
    ),
    learningRate: rateAt(options, state, epoch * stepsPerEpoch(options) - 1),
  };
}

function stepsPerEpoch({ train, recipe }: Pick<FitOptions, 'train' | 'recipe'>): number {
  return Math.ceil(train.length / recipe.batchSize);
}

/** The best epoch is chosen by validation AUC-ROC, which needs both sides of it. */
function checkParts({ train, validation, classes, positiveClass }: FitOptions): void {
  const positives = validation.filter((index) => classes[index] === positiveClass).length;
  if (train.length > 0 && positives > 0 && positives < validation.length) return;
  throw new TrainerError(
    'TOO_FEW_PATIENTS',
    `training has ${train.length} images, validation ${positives} positive and ${validation.length - positives} others; none of these may be 0`,
  );
}

function diverged({ recipe }: FitOptions, epoch: number, when: string): TrainerError {
  return new TrainerError(
    'TRAINING_DIVERGED',
    `the loss is no finite number in epoch ${epoch}, ${when}, with a learning rate of ${recipe.learningRate}; lower it, or let it grow over warm-up epochs`,
  );
}
