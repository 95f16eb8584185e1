/** Features of several kinds of networks on one dataset, each computed once and shared by the trials and folds. */
import type { Features } from '../features/extract.ts';
import { openFeatures, type FeatureJob, type Workbench } from '../workbench.ts';
import type { Settings } from './variables.ts';

/** Kinds that stay open although nobody uses them; each holds its shards' files open. */
const MOST_IDLE = 4;

export type PoolOptions = Omit<FeatureJob, 'settings'>;

interface Entry {
  readonly features: Promise<Features>;
  users: number;
}

export class FeaturePool {
  readonly bench: Workbench;
  readonly #options: PoolOptions;
  /** By what decides features; the one that was used last at the end. */
  readonly #entries = new Map<string, Entry>();

  /** @param options `train`: every image that any trial or fold trains on */
  constructor(bench: Workbench, options: PoolOptions) {
    this.bench = bench;
    this.#options = options;
  }

  /** @throws TrainerError UNREADABLE_IMAGE, DISK_FULL; what `work` throws */
  async use<Result>(settings: Settings, work: (features: Features) => Promise<Result>): Promise<Result> {
    const key = keyOf(settings);
    const entry = this.#entries.get(key) ?? {
      features: openFeatures(this.bench, { ...this.#options, settings }),
      users: 0,
    };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users += 1;
    try {
      return await work(await entry.features);
    } catch (error) {
      // Features that could not be computed now may be when they are asked for again.
      await entry.features.catch(() => this.#entries.delete(key));
      throw error;
    } finally {
      entry.users -= 1;
      await this.#closeIdle(MOST_IDLE);
    }
  }

  async close(): Promise<void> {
    await this.#closeIdle(0);
  }

  async #closeIdle(most: number): Promise<void> {
    const idle = [...this.#entries].filter(([, { users }]) => users === 0);
    for (const [key, { features }] of idle.slice(0, Math.max(0, idle.length - most))) {
      this.#entries.delete(key);
      await features.then(
        (opened) => opened.close(),
        () => undefined,
      );
    }
  }
}

/** Of settings with the same key the features are the same, and so is the number of their copies. */
function keyOf({ preprocessing, model, augmentation, hyperparameters }: Settings): string {
  const { trainableFrom, taps, pooling, views } = model;
  const { seed } = hyperparameters;
  return JSON.stringify([preprocessing, trainableFrom, taps, pooling, views, augmentation, seed]);
}
