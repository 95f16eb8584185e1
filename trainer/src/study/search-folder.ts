/** A search from a folder of images to the settings of its best trial. */
import { join } from 'node:path';
import { auditLeakage } from '../audit/audit.ts';
import { refuseLeaks } from '../audit/refusal.ts';
import { chooseSplit } from '../dataset/choose-split.ts';
import type { TrainEvent } from '../events.ts';
import { labelDataset } from '../labels/label.ts';
import type { TrainOptions } from '../options.ts';
import { planRun } from '../plan.ts';
import { openWorkbench } from '../workbench.ts';
import type { FoundSettings, SearchOptions } from './search-options.ts';
import { searchSettings } from './search-settings.ts';
import type { Settings } from './variables.ts';

interface SearchFolderOptions extends Pick<
  TrainOptions,
  'dataDir' | 'labels' | 'split' | 'cacheDir' | 'baseWeights' | 'positiveLabel' | 'signal' | 'now'
> {
  readonly settings: Settings;
  readonly search: SearchOptions;
  readonly onEvent?: (event: SearchEvent) => void;
}

type SearchEvent = Extract<TrainEvent, { readonly type: 'dataset' | 'features' | 'search' }>;

/**
 * Searches on the training and validation part of the split that a run with the same options has, so that the run's
 * test part has had no say.
 *
 * @throws TrainerError SPLIT_LEAKS; what reading, labelling and splitting a dataset throws, and `searchSettings`
 */
export async function searchFolder(options: SearchFolderOptions): Promise<FoundSettings> {
  const {
    dataDir,
    labels: source = { from: 'folders' },
    settings,
    signal,
    now = Date.now,
    onEvent,
  } = options;
  const dataset = await labelDataset(dataDir, source, { signal });
  const split = await chooseSplit(dataset, options.split);
  const plan = planRun(dataset, split, { ...settings, ...options });
  const { positiveLabel, counts } = plan;
  const { kind, labels, ignored, images } = dataset;
  onEvent?.({ type: 'dataset', kind, labels, positiveLabel, dataset: counts, ignored });
  const cacheDir = join(options.cacheDir, 'prints');
  refuseLeaks(await auditLeakage({ dir: dataset.dir, images, sides: split.sides, cacheDir, signal }));
  const bench = await openWorkbench(plan, { ...options, now });
  return searchSettings(bench, plan, settings, options.search, {
    signal,
    onEvent: (event) => onEvent?.({ type: 'search', event }),
    onFeatures: (progress) => onEvent?.({ type: 'features', ...progress }),
  });
}
