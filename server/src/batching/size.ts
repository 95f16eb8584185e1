/** How many of the waiting images the next batch should have, where more wait than fit into it. */

/**
 * The largest batch whose images all come in time. Who has less time left than it takes is not in it, and would be too
 * late after it: to make the batch small for his sake, again and again, costs others their answers (a batch of eight
 * takes hardly longer than one of four), until all batches are small and the queue late throughout.
 *
 * @param leftMs until the deadline of each waiting image, in any order
 * @param predict milliseconds of a batch of `n`
 */
export function largestInTime(
  leftMs: readonly number[],
  maxBatch: number,
  predict: (n: number) => number,
): number {
  const mostFirst = leftMs.toSorted((a, b) => b - a);
  let n = Math.min(maxBatch, mostFirst.length);
  while (n > 1 && (mostFirst[n - 1] ?? 0) < predict(n)) n -= 1;
  return Math.max(1, n);
}
