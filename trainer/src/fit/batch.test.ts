import { loadEngine } from '@hilum/model';
import { expect, it } from 'vitest';
import { aTail, FEATURES } from '../../test/small-fit.ts';
import { lossAndGradients } from './batch.ts';

it('an image about which the network is certain and wrong is learned from as much as any, in float32', async () => {
  const tf = await loadEngine();
  const tail = await aTail({ dropout: 0 });
  const output = tail.getLayer('logits');
  tf.tidy(() => output.setWeights([tf.zeros([8, 2]), tf.tensor1d([500, -500])]));
  const variables = tail.trainableWeights.map((weight) => weight.read() as InstanceType<typeof tf.Variable>);
  const before = tf.memory().numTensors;
  const learner = { tf, tail, features: FEATURES, classes: [1], classCount: 2 };
  const weights = Float32Array.of(1);
  const { loss, gradients } = lossAndGradients(learner, [0], { copy: 0, weights, variables });
  expect(loss).toBe(1000); // the distance of the logits; its probability is e^-1000, which is 0
  expect([...(gradients.at(-1)?.dataSync() ?? [])]).toEqual([1, -1]);
  tf.dispose([...gradients]);
  expect(tf.memory().numTensors).toBe(before);
  tail.dispose();
});
