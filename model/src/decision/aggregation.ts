/** How the scores of slices become one of a nodule, and those of nodules one of a patient. Pure. */

/**
 * - `mean`: of the probabilities;
 * - `mean-logit`: the geometric mean, brought back to a sum of 1; for two labels, the mean of the logits;
 * - `max`: the member with the highest probability of the positive label;
 * - `top3`: the mean of the three such members;
 * - `noisy-or`: the chance that at least one member is positive, were they independent. It grows with their number.
 */
export const AGGREGATION_RULES = ['mean', 'mean-logit', 'max', 'top3', 'noisy-or'] as const;

export type AggregationRule = (typeof AGGREGATION_RULES)[number];

export type Probabilities = Readonly<Record<string, number>>;

/** A probability of 0 would be final whatever the others say; float32 softmax rounds to 0 at about this. */
const FLOOR = 1e-38;

/**
 * The probabilities of a whole from those of its parts; the order of the parts has no influence.
 *
 * @param members at least one
 */
export function aggregate(
  rule: AggregationRule,
  members: readonly Probabilities[],
  labels: readonly string[],
  positiveLabel: string,
): Probabilities {
  switch (rule) {
    case 'mean':
      return meanOf(members, labels);
    case 'mean-logit':
      return geometricMean(members, labels);
    case 'max':
      return meanOf(highest(members, labels, positiveLabel, 1), labels);
    case 'top3':
      return meanOf(highest(members, labels, positiveLabel, 3), labels);
    default:
      return atLeastOne(members, labels, positiveLabel);
  }
}

/** Added up by size, so that another order of the same numbers rounds to the same sum. */
function meanOf(members: readonly Probabilities[], labels: readonly string[]): Probabilities {
  return byLabel(labels, (label) => sorted(members, label).reduce((sum, p) => sum + p, 0) / members.length);
}

function geometricMean(members: readonly Probabilities[], labels: readonly string[]): Probabilities {
  const logs = byLabel(
    labels,
    (label) =>
      sorted(members, label).reduce((sum, p) => sum + Math.log(Math.max(p, FLOOR)), 0) / members.length,
  );
  const largest = Math.max(...Object.values(logs));
  const powers = byLabel(labels, (label) => Math.exp((logs[label] ?? Number.NaN) - largest));
  const total = Object.values(powers).reduce((sum, power) => sum + power, 0);
  return byLabel(labels, (label) => (powers[label] ?? Number.NaN) / total);
}

/** Those with the highest probability of the positive label; of equal ones those with more of the first other labels. */
function highest(
  members: readonly Probabilities[],
  labels: readonly string[],
  positiveLabel: string,
  count: number,
): readonly Probabilities[] {
  const order = [positiveLabel, ...labels.filter((label) => label !== positiveLabel)];
  return members
    .toSorted((a, b) => {
      const unequal = order.find((label) => a[label] !== b[label]) ?? positiveLabel;
      return (b[unequal] ?? 0) - (a[unequal] ?? 0);
    })
    .slice(0, count);
}

/** What is left goes to the other labels in the ratio of their means. */
function atLeastOne(
  members: readonly Probabilities[],
  labels: readonly string[],
  positiveLabel: string,
): Probabilities {
  // By logarithms: a product of many small numbers would be 0.
  const none = sorted(members, positiveLabel).reduce((sum, p) => sum + Math.log1p(-Math.min(p, 1)), 0);
  const positive = -Math.expm1(none);
  const means = meanOf(members, labels);
  const others = labels.filter((label) => label !== positiveLabel);
  const total = others.reduce((sum, label) => sum + (means[label] ?? 0), 0);
  return byLabel(labels, (label) => {
    if (label === positiveLabel) return positive;
    const share = total === 0 ? 1 / others.length : (means[label] ?? 0) / total;
    return (1 - positive) * share;
  });
}

function sorted(members: readonly Probabilities[], label: string): readonly number[] {
  return members.map((member) => member[label] ?? Number.NaN).toSorted((a, b) => a - b);
}

function byLabel(labels: readonly string[], of: (label: string) => number): Probabilities {
  return Object.fromEntries(labels.map((label) => [label, of(label)]));
}
