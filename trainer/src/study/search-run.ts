/** The search that a training run does first where it is asked to, with its trials as runs below it in MLflow. */
import type { TrainOptions } from '../options.ts';
import { planRun, type Plan } from '../plan.ts';
import type { RunLog } from '../tracking.ts';
import { openWorkbench } from '../workbench.ts';
import type { FoundSettings, SearchOptions, TrialLog } from './search-options.ts';
import { searchSettings } from './search-settings.ts';
import type { StudyTrial } from './trials.ts';

export interface SearchedRun {
  /** With the settings of the best trial. */
  readonly options: TrainOptions;
  readonly plan: Plan;
  readonly found: FoundSettings;
}

/** @throws what `searchSettings` throws */
export async function searchForRun(
  plan: Plan,
  options: TrainOptions,
  search: SearchOptions,
  log: RunLog | undefined,
): Promise<SearchedRun> {
  const { preprocessing, model, hyperparameters, augmentation, signal, now = Date.now, onEvent } = options;
  const bench = await openWorkbench(plan, { ...options, now });
  const trials = log === undefined ? undefined : new TrialRuns(log);
  const settings = { preprocessing, model, hyperparameters, augmentation };
  try {
    const found = await searchSettings(bench, plan, settings, search, {
      signal,
      trialLog: trials,
      onEvent: (event) => onEvent?.({ type: 'search', event }),
      onFeatures: (progress) => onEvent?.({ type: 'features', ...progress }),
    });
    const chosen = { ...options, ...found.settings };
    return { options: chosen, plan: planRun(plan.dataset, plan.split, chosen), found };
  } catch (error) {
    await trials?.abandon(signal?.aborted === true ? 'KILLED' : 'FAILED');
    throw error;
  }
}

/** A run below the search's own for each trial; one that was interrupted is found again by its number. */
class TrialRuns implements TrialLog {
  readonly #parent: Pick<RunLog, 'child'>;
  readonly #open = new Map<number, RunLog>();

  constructor(parent: Pick<RunLog, 'child'>) {
    this.#parent = parent;
  }

  started = async ({ number, parameters }: Pick<StudyTrial, 'number' | 'parameters'>): Promise<void> => {
    const params = Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [name, String(value)]),
    );
    this.#open.set(number, await this.#parent.child({ index: number, name: `trial ${number}`, params }));
  };

  epoch: TrialLog['epoch'] = async (number, epoch) => {
    await this.#open.get(number)?.epoch(epoch);
  };

  ended = async ({ number, state, value, intermediate, failure }: StudyTrial): Promise<void> => {
    const run = this.#open.get(number);
    if (run === undefined) return;
    // Behind the last step that was reported: a chart of it then ends where the trial did.
    const step = intermediate.at(-1)?.step ?? 0;
    if (value !== undefined) await run.metrics(step, { 'search/objective': value });
    await run.tags({ 'hilum.trial.state': failure === undefined ? state : `${state}: ${failure.code}` });
    if (state === 'failed') await run.abandon('FAILED');
    else await run.finish();
    this.#open.delete(number);
  };

  /** Never throws. */
  async abandon(status: 'FAILED' | 'KILLED'): Promise<void> {
    for (const run of this.#open.values()) await run.abandon(status);
    this.#open.clear();
  }
}
