/** Trains a real convolution of VGG16 over made-up maps, as a process of its own; prints its losses and a digest as JSON. */
import { baseWeightsPath } from '@hilum/hack';
import { buildTail, loadEngine, readBaseWeights } from '@hilum/model';
import { fit } from '../src/fit/fit.ts';
import { seededRandom } from '../src/random.ts';
import { digestOf, RECIPE, smallFit } from './small-fit.ts';

const tf = await loadEngine();
const network = {
  inputSize: 64,
  cut: 'block5_conv3',
  taps: ['block5_pool'],
  pooling: 'avg',
  views: 1,
} as const;
const head = { classes: 2, headUnits: 16, dropout: 0.5, seed: RECIPE.seed };
const tail = buildTail(tf, await readBaseWeights(await baseWeightsPath()), { ...network, ...head });
const FLOATS = 4 * 4 * 512;
const rows = (indices: ArrayLike<number>): Float32Array => {
  const maps = new Float32Array(indices.length * FLOATS);
  for (let at = 0; at < indices.length; at += 1) {
    const random = seededRandom('map', indices[at] ?? 0);
    for (let float = 0; float < FLOATS; float += 1) maps[at * FLOATS + float] = 50 * random();
  }
  return maps;
};
const recipe = { ...RECIPE, epochs: 2, batchSize: 12 };
const { epochs } = await fit(await smallFit(tail, { features: { rows }, recipe }));
console.log(JSON.stringify({ weights: digestOf(tail), losses: epochs.map(({ loss }) => loss) }));
