/** Accuracy and the ROC curve, of scores that may tie. Pure. */

/** One point of a ROC curve: what is called positive at `threshold` or above. */
export interface RocPoint {
  readonly threshold: number;
  readonly fpr: number;
  readonly tpr: number;
}

/**
 * Area under the ROC curve: the chance that a positive scores above a negative, a tie counting half.
 *
 * @returns NaN where one of the two classes is absent, for then there is no curve
 */
export function aucRoc(scores: ArrayLike<number>, positive: ArrayLike<boolean>): number {
  const order = descending(scores);
  let positives = 0;
  let negatives = 0;
  let wins = 0;
  for (let start = 0; start < order.length;) {
    const end = endOfTie(order, scores, start);
    let tiedPositives = 0;
    for (let at = start; at < end; at += 1) if (positive[order[at] ?? 0] === true) tiedPositives += 1;
    const tiedNegatives = end - start - tiedPositives;
    // Every positive seen so far, in descending order, beats these negatives; those that tie count half.
    wins += tiedNegatives * (positives + tiedPositives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
    start = end;
  }
  return wins / (positives * negatives);
}

/** The ROC curve from (0, 0) to (1, 1), one point per distinct score, by falling threshold. */
export function rocCurve(scores: ArrayLike<number>, positive: ArrayLike<boolean>): readonly RocPoint[] {
  const order = descending(scores);
  let total = 0;
  for (let index = 0; index < order.length; index += 1) if (positive[index] === true) total += 1;
  const points: RocPoint[] = [{ threshold: Infinity, fpr: 0, tpr: 0 }];
  let hits = 0;
  for (let start = 0; start < order.length;) {
    const end = endOfTie(order, scores, start);
    for (let at = start; at < end; at += 1) if (positive[order[at] ?? 0] === true) hits += 1;
    const threshold = scores[order[start] ?? 0] ?? NaN;
    points.push({ threshold, fpr: (end - hits) / (order.length - total), tpr: hits / total });
    start = end;
  }
  return points;
}

/** Part of the rows whose largest probability is that of their class. */
export function accuracy(probabilities: readonly (readonly number[])[], classes: ArrayLike<number>): number {
  let right = 0;
  for (const [index, row] of probabilities.entries()) if (argmax(row) === classes[index]) right += 1;
  return right / probabilities.length;
}

/** Index of the largest value, the first where several are equal. */
function argmax(row: readonly number[]): number {
  let best = 0;
  for (const [index, value] of row.entries()) if (value > (row[best] ?? -Infinity)) best = index;
  return best;
}

function descending(scores: ArrayLike<number>): Int32Array {
  const order = Int32Array.from({ length: scores.length }, (_, index) => index);
  return order.toSorted((a, b) => (scores[b] ?? NaN) - (scores[a] ?? NaN));
}

function endOfTie(order: Int32Array, scores: ArrayLike<number>, start: number): number {
  let end = start + 1;
  while (end < order.length && scores[order[end] ?? 0] === scores[order[start] ?? 0]) end += 1;
  return end;
}
