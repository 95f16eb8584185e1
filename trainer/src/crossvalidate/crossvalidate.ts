/** Repeated cross-validation by patient, with everything that is chosen chosen inside of each fold. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Algorithm, MedianRule, Parameters, Space } from '@hilum/search';
import type { DatasetImage } from '../dataset/scan.ts';
import { TrainerError } from '../errors.ts';
import type { FactsByFile } from '../evaluation/facts.ts';
import type { FitAndScore } from '../study/fit-and-score.ts';
import { Journal } from '../study/journal.ts';
import { partAuc, validationObjective, type Part } from '../study/objective.ts';
import type { Candidate } from '../study/settings-file.ts';
import type { StudyEvent } from '../study/study-options.ts';
import { runStudy } from '../study/study.ts';
import { applyParameters, contradiction, type Settings } from '../study/variables.ts';
import { outerFolds, type OuterFold, type PartsOptions } from './parts.ts';
import { recordSchema, type FoldRecord } from './record.ts';
import { summariseFolds, type CrossValidation } from './summary.ts';

/** From what the settings of each fold are chosen; with one candidate there is nothing to choose. */
export type Choice =
  | { readonly candidates: readonly Candidate[] }
  | {
      readonly space: Space;
      readonly algorithm: Algorithm;
      readonly trials: number;
      /** Judges after each inner fold. */
      readonly stopping?: MedianRule;
    };

export interface CrossValidateOptions extends PartsOptions {
  readonly images: readonly DatasetImage[];
  readonly labels: readonly string[];
  readonly positiveLabel: string;
  /** What candidates and parameters are changes to. */
  readonly settings: Settings;
  readonly choice: Choice;
  readonly fitAndScore: FitAndScore;
  /** What shortcut baselines are made of; none where absent. */
  readonly facts?: FactsByFile;
  /** Of the bootstrap; 2000 unless told. */
  readonly resamples?: number;
  /** Inner trials of one fold that may fail; 3 unless told. */
  readonly failedTrials?: number;
  /** What else makes the fits what they are (the images, the base weights), as JSON. */
  readonly about?: Readonly<Record<string, unknown>>;
  /** Gets the journals: a cross-validation that was killed goes on from them. */
  readonly dir: string;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: CrossValidationEvent) => void;
}

export type CrossValidationEvent =
  /** What the inner study of a fold says. */
  | { readonly type: 'inner'; readonly repeat: number; readonly fold: number; readonly event: StudyEvent }
  | {
      readonly type: 'fold';
      readonly repeat: number;
      readonly fold: number;
      /** Folds that are done, and of how many. */
      readonly done: number;
      readonly total: number;
      /** Of the units of this fold, by the settings that were chosen. */
      readonly aucRoc: number;
      readonly chosen: FoldRecord['chosen'];
    };

/**
 * For each repeat and fold: the settings are chosen by an inner cross-validation of the other patients, trained on all
 * but the first of its folds (which chooses the epoch, where one is chosen), and scored on the patients of the fold. Of each repeat, every
 * image so has one score by a network that has never seen its patient, nor has anything that was chosen for it.
 *
 * @throws TrainerError TOO_FEW_PATIENTS, STUDY_FAILED, BAD_CONFIG, JOURNAL_*; what `fitAndScore` throws; the reason of
 * `signal`
 */
export async function crossValidate(options: CrossValidateOptions): Promise<CrossValidation> {
  const { images, choice, onEvent } = options;
  checkCandidates(options);
  const outer = outerFolds(images, options);
  const journal = await Journal.open({
    path: join(options.dir, 'folds.jsonl'),
    about: aboutOf(options),
    line: recordSchema,
  });
  try {
    const records = [...journal.lines];
    for (const fold of outer) {
      const known = records.some((one) => one.repeat === fold.repeat && one.fold === fold.fold);
      if (known) continue;
      const record = await runFold(fold, options);
      await journal.append(record);
      records.push(record);
      const { repeat, chosen, probabilities } = record;
      const aucRoc = partAuc(options, fold.test, probabilities);
      const progress = { done: records.length, total: outer.length };
      onEvent?.({ type: 'fold', repeat, fold: record.fold, ...progress, aucRoc, chosen });
    }
    const names = 'candidates' in choice ? choice.candidates.map(({ name }) => name) : ['search'];
    return summariseFolds({ ...options, outer, records, names });
  } finally {
    await journal.close();
  }
}

async function runFold(outer: OuterFold, options: CrossValidateOptions): Promise<FoldRecord> {
  const { repeat, fold, test, inner } = outer;
  const signal = options.signal ?? new AbortController().signal;
  const chosen = await choose(outer, { ...options, signal });
  const [first] = inner;
  if (first === undefined) throw new RangeError('at least two inner folds are needed');
  const settings = applyParameters(options.settings, chosen.parameters);
  const parts = partsOf(first, settings);
  const { probabilities, bestEpoch } = await options.fitAndScore({ settings, ...parts, score: test, signal });
  // Asked here, so that a fold whose scores are no numbers never stands in the journal as done.
  partAuc(options, test, probabilities);
  return { repeat, fold, chosen, bestEpoch, probabilities: probabilities.map((row) => row.slice()) };
}

/** Where the last epoch is kept, validation chooses nothing, and its patients can be trained on as well. */
function partsOf({ train, validation }: Part, { hyperparameters }: Settings): Part {
  return hyperparameters.keepEpoch === 'best'
    ? { train, validation }
    : { train: [...train, ...validation].toSorted((a, b) => a - b), validation };
}

async function choose(
  { repeat, fold, inner }: OuterFold,
  options: CrossValidateOptions & { readonly signal: AbortSignal },
): Promise<FoldRecord['chosen']> {
  const { choice, settings, signal, failedTrials, seed } = options;
  const { plan, named } = studyOf(choice);
  if (named !== undefined && named.length === 1) {
    const [only] = named;
    if (only !== undefined) return { name: only.name, parameters: only.parameters };
  }
  const parametersOf = (given: Parameters): Parameters =>
    named === undefined ? given : (named.find(({ name }) => name === given['candidate'])?.parameters ?? {});
  const settingsOf = (given: Parameters): Settings => applyParameters(settings, parametersOf(given));
  const { best } = await runStudy({
    ...plan,
    seed,
    direction: 'maximize',
    ...(failedTrials !== undefined && { failedTrials }),
    feasible: (given) => contradiction(settingsOf(given)) === undefined,
    about: { ...aboutOf(options), repeat, fold },
    objective: validationObjective({ ...options, parts: inner, settingsOf }),
    journal: join(options.dir, `study-${repeat + 1}-${fold + 1}.jsonl`),
    signal,
    onEvent: (event) => options.onEvent?.({ type: 'inner', repeat, fold, event }),
  });
  if (best?.value === undefined) {
    throw new TrainerError('STUDY_FAILED', `no trial of fold ${fold + 1}, repeat ${repeat + 1} succeeded`);
  }
  const candidate = best.parameters['candidate'];
  return {
    name: named === undefined ? 'search' : String(candidate),
    parameters: parametersOf(best.parameters),
    innerAuc: best.value,
  };
}

/** A list of candidates is a grid over their names. */
function studyOf(choice: Choice): {
  readonly plan: {
    readonly space: Space;
    readonly algorithm: Algorithm;
    readonly trials: number;
    readonly stopping?: MedianRule;
  };
  readonly named?: readonly Candidate[];
} {
  if ('space' in choice) return { plan: choice };
  const values = choice.candidates.map(({ name }) => name);
  const space: Space = [{ name: 'candidate', type: 'choice', values }];
  return {
    plan: { space, algorithm: { kind: 'grid' }, trials: values.length },
    named: choice.candidates,
  };
}

/** A candidate that cannot be run is a mistake in the list; in a space such parameters are passed over. */
function checkCandidates({ choice, settings }: CrossValidateOptions): void {
  if (!('candidates' in choice)) return;
  if (choice.candidates.length === 0) throw new RangeError('at least one candidate is needed');
  for (const { name, parameters } of choice.candidates) {
    const why = contradiction(applyParameters(settings, parameters));
    if (why !== undefined) throw new TrainerError('BAD_CONFIG', `candidate ${name}: ${why}`);
  }
}

/** What makes one cross-validation another. */
function aboutOf(options: CrossValidateOptions): Readonly<Record<string, unknown>> {
  const { seed, folds, repeats, innerFolds, settings, choice, labels, positiveLabel } = options;
  const dataset = createHash('sha256');
  for (const { file, label, patient, unit } of options.images) {
    dataset.update(JSON.stringify([file, label, patient, unit]));
  }
  const parts = { seed, folds, repeats, innerFolds };
  return {
    ...options.about,
    ...parts,
    settings,
    choice,
    labels,
    positiveLabel,
    dataset: dataset.digest('hex'),
  };
}
