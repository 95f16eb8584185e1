/**
 * `wide-child.ts head|convolution`: trains a head as wide as a real one, or with it a convolution of VGG16, over made-up
 * features, as a process of its own. Prints the losses and the digest of the weights as JSON.
 */
import { baseWeightsPath } from '@hilum/hack';
import { buildTail, loadEngine, readBaseWeights } from '@hilum/model';
import { fit } from '../src/fit/fit.ts';
import { seededRandom } from '../src/random.ts';
import { digestOf, RECIPE, smallFit } from './small-fit.ts';

const tf = await loadEngine();
const cut = process.argv[2] === 'head' ? 'head' : 'block5_conv3';
const network = { inputSize: 64, cut, taps: ['block5_pool'], pooling: 'avg', views: 1 } as const;
const head = { classes: 2, headUnits: 256, dropout: 0.5, seed: RECIPE.seed };
const tail = buildTail(tf, await readBaseWeights(await baseWeightsPath()), { ...network, ...head });
const floats = cut === 'head' ? 512 : 4 * 4 * 512;
const rows = (indices: ArrayLike<number>): Float32Array => {
  const maps = new Float32Array(indices.length * floats);
  for (let at = 0; at < indices.length; at += 1) {
    const random = seededRandom('map', indices[at] ?? 0);
    for (let float = 0; float < floats; float += 1) maps[at * floats + float] = 10 * random();
  }
  return maps;
};
const recipe = { ...RECIPE, epochs: 2, batchSize: 12, learningRate: 0.001 };
const { epochs } = await fit(await smallFit(tail, { features: { rows }, recipe }));
console.log(JSON.stringify({ weights: digestOf(tail), losses: epochs.map(({ loss }) => loss) }));
