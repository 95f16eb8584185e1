/** Trials and folds by the real network: its tail, trained on features that all of them share. */
import { fitNetwork } from '../workbench.ts';
import type { FeaturePool } from './feature-pool.ts';
import type { FitAndScore } from './fit-and-score.ts';

/** What it throws beside the reason of the signal: see `fitNetwork` and `FeaturePool.use`. */
export function networkFits(pool: FeaturePool): FitAndScore {
  return ({ settings, train, validation, score, signal, onEpoch }) =>
    pool.use(settings, async (features) => {
      const fitted = await fitNetwork(pool.bench, features, {
        settings,
        train,
        validation,
        signal,
        ...(onEpoch !== undefined && {
          onEpoch: async (epoch) => ((await onEpoch(epoch)) === 'stop' ? 'stop' : 'go-on'),
        }),
      });
      try {
        return { probabilities: await fitted.predict(score), bestEpoch: fitted.best.epoch };
      } finally {
        fitted.dispose();
      }
    });
}
