/** How the scores of slices become that of a series, in words too. */
import type { AggregationRule } from '@hilum/model';
import type { Classification } from '@hilum/wire';
import type { ServedModel } from '../readiness.ts';

/** The thresholds of a decision were learnt on scores that its own rule made. */
export function ruleOf({ info }: ServedModel): { readonly rule: AggregationRule; readonly words: string } {
  const { decision } = info;
  if (decision === undefined) return { rule: 'top3', words: `${RULE_WORDS.top3} (the model names no rule)` };
  const rule = decision.aggregation.unit;
  return { rule, words: `${RULE_WORDS[rule]} (the model’s own rule)` };
}

const RULE_WORDS: Readonly<Record<AggregationRule, string>> = {
  mean: 'mean of all slices',
  'mean-logit': 'geometric mean of all slices',
  max: 'the highest slice',
  top3: 'mean of the 3 highest slices',
  'noisy-or': 'chance that at least one slice is positive, were they independent',
};

/**
 * A maximum, and much more so the chance of at least one, grows with the number of slices: thresholds that were learnt
 * on nodules of three slices promise little for a chest of three hundred.
 */
export function sizeWarnings(scored: number, { info }: ServedModel): Classification['warnings'] {
  if (info.decision === undefined) return [];
  const { images, units } = info.decision.chosenOn;
  const usual = images / Math.max(1, units);
  if (scored <= MANY_TIMES * usual) return [];
  const message =
    `The series has ${scored} slices; temperature and thresholds were learnt on units of ` +
    `${usual.toFixed(1)} on average, and say little of so many.`;
  return [{ code: 'SERIES_LONGER', message }];
}

const MANY_TIMES = 3;
