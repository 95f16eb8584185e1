/**
 * The population stability index: how far two histograms over the same bins are apart, `Σ (a - b) ln(a / b)` over their
 * shares. 0 where they are alike; by the custom of credit scoring, where it comes from, a change is small below 0.1 and
 * large above 0.25 (Siddiqi, Credit Risk Scorecards, 2006). Two samples of the same images of `n` and `m`, in `k` bins,
 * are about `(k - 1)(1/n + 1/m)` apart by chance alone (Yurdakul, 2018).
 *
 * Each count has one half added, so that an empty bin is no infinity (Jeffreys' prior).
 */
export function psi(expected: readonly number[], actual: readonly number[]): number {
  const [e, a] = [sharesOf(expected), sharesOf(actual)];
  return e.reduce((sum, share, at) => {
    const other = a[at] ?? 0;
    return sum + (other - share) * Math.log(other / share);
  }, 0);
}

function sharesOf(counts: readonly number[]): readonly number[] {
  const total = counts.reduce((sum, count) => sum + count + 0.5, 0);
  return counts.map((count) => (count + 0.5) / total);
}
