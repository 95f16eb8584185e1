/** How long a batch takes, learned from the last ones: a line a·n + b by least squares that forgets. */

export interface LatencyFit {
  /** A batch of `n` images took `ms`. */
  readonly add: (n: number, ms: number) => void;
  /** Milliseconds of a batch of `n`; undefined before the first was measured. */
  readonly predict: (n: number) => number | undefined;
  /** a: of one more image. */
  readonly perImageMs: number;
  /** b: of a batch, however many it has; what two batches made one save. */
  readonly fixedMs: number;
  /** Standard deviation of what the line does not explain. */
  readonly spreadMs: number;
}

// Ten batches weigh as much as all before them: soon enough for a neighbour that takes half of the machine, and long
// enough that one hiccup is not taken for it.
const KEEP = 0.93;
// How firmly, in images², the line is held to the origin: batches of one size say nothing about a slope.
const PRIOR = 0.01;

/**
 * Weighted sums instead of the recursive form: the same line, and no covariance that grows without bound while all
 * batches have one size, as they have on a CPU.
 */
export function createLatencyFit(): LatencyFit {
  const sum = { weight: 0, n: 0, nn: 0, ms: 0, nms: 0, msms: 0 };
  let perImageMs = 0;
  let fixedMs = 0;

  const refit = (): void => {
    const n = sum.n / sum.weight;
    const ms = sum.ms / sum.weight;
    const variance = Math.max(0, sum.nn / sum.weight - n * n);
    const covariance = sum.nms / sum.weight - n * ms;
    const throughOrigin = ms / n;
    const slope = (covariance + PRIOR * throughOrigin) / (variance + PRIOR);
    // Neither part of a duration is negative.
    perImageMs = Math.min(throughOrigin, Math.max(0, slope));
    fixedMs = Math.max(0, ms - perImageMs * n);
  };

  return {
    add: (n, ms) => {
      const seen = { weight: 1, n, nn: n * n, ms, nms: n * ms, msms: ms * ms };
      for (const key of KEYS) sum[key] = KEEP * sum[key] + seen[key];
      refit();
    },
    predict: (n) => (sum.weight === 0 ? undefined : perImageMs * n + fixedMs),
    get perImageMs() {
      return perImageMs;
    },
    get fixedMs() {
      return fixedMs;
    },
    get spreadMs() {
      if (sum.weight === 0) return 0;
      const [a, b] = [perImageMs, fixedMs];
      // Of the squares of ms - a·n - b. Rounding may leave it below zero.
      const squares =
        sum.msms + a * a * sum.nn + b * b * sum.weight + 2 * (a * b * sum.n - a * sum.nms - b * sum.ms);
      return Math.sqrt(Math.max(0, squares) / sum.weight);
    },
  };
}

const KEYS = ['weight', 'n', 'nn', 'ms', 'nms', 'msms'] as const;
