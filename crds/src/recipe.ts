/** The network and how it is trained: the parts of a TrainingRun that a search may vary, with their defaults. */
import { z } from 'zod';
import { httpUrl, integer, pattern, seed } from './fields.ts';
import { ruled } from './rules.ts';

/** The layers of VGG16 that can be trained or pooled, in their order. */
export const VGG16_CONVOLUTIONS = [
  'block1_conv1',
  'block1_conv2',
  'block2_conv1',
  'block2_conv2',
  'block3_conv1',
  'block3_conv2',
  'block3_conv3',
  'block4_conv1',
  'block4_conv2',
  'block4_conv3',
  'block5_conv1',
  'block5_conv2',
  'block5_conv3',
] as const;

export const preprocessing = z
  .strictObject({
    inputSize: integer(
      32,
      512,
      'Edge length in pixels of the square that the network sees; docs/model.md has what each costs.',
    ).default(128),
    window: z
      .strictObject({
        center: integer(-1024, 3071, 'Middle of the window in Hounsfield units.'),
        width: integer(1, 4096, 'Width of the window in Hounsfield units.'),
      })
      .optional()
      .describe(
        'For a dataset of grey pictures: the window by which the service renders a DICOM slice before it classifies it. ' +
          'Without one it refuses DICOM.',
      ),
  })
  .describe('How an image becomes the input tensor. It is written into the model package.');

const trainableFrom = z
  .enum(['head', ...VGG16_CONVOLUTIONS])
  .default('head')
  .describe('The first layer that learns: the new head only, or VGG16 from this convolution on.');

const taps = z
  .array(
    z.enum([...VGG16_CONVOLUTIONS, 'block5_pool', 'pixels']).describe('A layer of VGG16, or the pixels.'),
  )
  .min(1)
  .max(15)
  .default(['block5_pool'])
  .meta({
    'x-kubernetes-list-type': 'set',
    description:
      'Layers whose maps are pooled into the features of an image; layers behind the last are not computed.',
  });

/** As text: Kubernetes has no exact fractions. */
const weight = (description: string) =>
  pattern(16, /^(0(\.[0-9]{1,9})?|1(\.0{1,6})?|[1-9](\.[0-9]{1,6})?e-[0-9]{1,2})$/, description);

export const network = ruled(
  z.strictObject({
    trainableFrom,
    taps,
    pooling: z
      .enum(['avg', 'avg-max'])
      .default('avg')
      .describe('What is kept of each map: its average, or its average and its maximum.'),
    views: ruled(
      integer(
        1,
        4,
        'Views of an image whose features are averaged: 1, or 4, the image and its mirrored ones, for cut-out nodules only: a chest has a left and a right.',
      ),
      [
        {
          rule: 'self == 1 || self == 4',
          message: 'views is 1 or 4',
          holds: (self) => self === 1 || self === 4,
        },
      ],
    ).default(1),
    normalise: z
      .enum(['none', 'quantile'])
      .default('none')
      .describe('Features as they are, or each by its rank among the training images.'),
    headUnits: integer(0, 4096, 'Width of the hidden layer of the head; 0 is a linear head.').default(256),
    dropout: pattern(
      8,
      /^0(\.[0-9]{1,6})?$/,
      'Share of the units before the last layer dropped while training, from 0 to below 1.',
    ).default('0.5'),
    l2: weight('Weight of the sum of squared kernels in the loss, such as 1e-4.').default('0'),
    baseWeights: z
      .strictObject({
        uri: httpUrl('Where the trainer gets the canonical ImageNet weights.'),
        sha256: pattern(64, /^[0-9a-f]{64}$/, 'Digest that the file must have.'),
      })
      .optional()
      .describe('Base weights from an address; by default those in the trainer image.'),
  }),
  [
    {
      rule: "self.trainableFrom == 'head' || self.taps.all(tap, tap != 'pixels' && tap >= self.trainableFrom)",
      message: 'a tap lies before trainableFrom; pool layers that are trained, or train from an earlier one',
      // By the letters the layers are in their order, in CEL as in JavaScript.
      holds: (self) =>
        self.trainableFrom === 'head' ||
        self.taps.every((tap) => tap !== 'pixels' && tap >= self.trainableFrom),
    },
    {
      rule: "self.trainableFrom == 'head' || (self.views == 1 && self.normalise == 'none')",
      message: 'views and normalise need features that stay the same: they go with trainableFrom head only',
      holds: (self) => self.trainableFrom === 'head' || (self.views === 1 && self.normalise === 'none'),
    },
  ],
).describe('The network: VGG16 with a new head.');

const learningRate = ruled(
  pattern(
    16,
    /^(0\.[0-9]{1,12}|1(\.0{1,6})?|[1-9](\.[0-9]{1,6})?e-[0-9]{1,2})$/,
    'Highest step size, above 0 and at most 1, such as 0.001 or 1e-4.',
  ),
  [
    {
      rule: 'double(self) > 0.0',
      message: 'learningRate must be above 0',
      holds: (self) => Number(self) > 0,
    },
  ],
);

export const hyperparameters = ruled(
  z.strictObject({
    epochs: integer(1, 1000, 'Passes over the training part.').default(20),
    batchSize: integer(1, 4096, 'Images a step.').default(32),
    learningRate: learningRate.default('0.001'),
    seed: seed('Seed of initial weights, order, dropout and augmentation.'),
    optimizer: z
      .enum(['adam', 'sgd'])
      .default('adam')
      .describe('Adam, or gradient descent with momentum 0.9.'),
    schedule: z
      .enum(['constant', 'cosine', 'plateau'])
      .default('constant')
      .describe(
        'Step size after the warm-up: the same, along half a cosine to 0, or halved when validation AUC-ROC stands still.',
      ),
    warmupEpochs: integer(0, 100, 'Epochs over which the step size grows from 0.').default(0),
    patience: integer(
      0,
      1000,
      'Epochs without a better validation AUC-ROC after which training ends; 0 trains to the end.',
    ).default(0),
    keepEpoch: z
      .enum(['best', 'last'])
      .default('best')
      .describe(
        'Whose weights are kept: those of the epoch with the best validation AUC-ROC, or of the last, with which validation chooses nothing.',
      ),
    classWeights: z
      .enum(['balanced', 'none'])
      .default('balanced')
      .describe('Whether every class has the same say, however rare it is.'),
    unitWeights: z
      .enum(['none', 'equal'])
      .default('none')
      .describe(
        'Whether the images of one nodule or series (one folder) together weigh as much as those of any other.',
      ),
  }),
  [
    {
      rule: 'self.warmupEpochs < self.epochs',
      message: 'warmupEpochs must be below epochs, or the full step size is never reached',
      holds: (self) => self.warmupEpochs < self.epochs,
    },
    {
      rule: "self.keepEpoch == 'best' || self.patience == 0",
      message: 'patience ends training after the best epoch: it goes with keepEpoch best only',
      holds: (self) => self.keepEpoch === 'best' || self.patience === 0,
    },
  ],
).describe('How the network is trained.');

export const augmentation = z
  .strictObject({
    copies: integer(0, 64, 'Changed copies of each training image, used in turn; 0 is none.').default(0),
    rotationDegrees: integer(0, 45, 'Greatest turn to either side.').default(10),
    shiftPercent: integer(0, 25, 'Greatest shift along each axis, in percent of the side.').default(5),
    scalePercent: integer(0, 50, 'Greatest growth or shrinkage, in percent.').default(5),
    noise: integer(
      0,
      500,
      'Standard deviation of added noise: HU for DICOM, grey levels for pictures.',
    ).default(0),
  })
  .describe('Changes to the training images. None is mirrored: a chest has a left and a right.');

/** The parts that a search may vary. */
export const recipeParts = { preprocessing, model: network, hyperparameters, augmentation };
