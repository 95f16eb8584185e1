/** Whether an image in a batch gets the answer that it gets alone: looked at again and again while the server runs. */
import type { Engine, EngineAnswer } from '../engine/engine.ts';
import { answerOf } from './batch.ts';
import type { SchedulerMetrics } from './metrics.ts';

/** The largest difference of a probability that is no difference. */
export const TOLERANCE = 1e-5;

export interface SelfReport {
  readonly compared: number;
  /** By more than the tolerance. */
  readonly differed: number;
  readonly largestDifference: number;
}

export interface SelfCheck {
  readonly report: SelfReport;
  /** Each batch that was answered; of every so-manieth one image is kept. */
  readonly offer: (tensors: readonly Float32Array[], answer: EngineAnswer) => void;
  /** The comparison that is due, to be run when the engine has nothing else to do. Never rejects. */
  readonly take: () => (() => Promise<void>) | undefined;
}

export interface SelfCheckOptions {
  /** Of so many batches of more than one image; 0 for never. */
  readonly every: number;
  readonly infer: Engine['infer'];
  readonly metrics: Pick<SchedulerMetrics, 'selfCheck'>;
}

export function createSelfCheck({ every, infer, metrics }: SelfCheckOptions): SelfCheck {
  const report = { compared: 0, differed: 0, largestDifference: 0 };
  let batches = 0;
  let due: { readonly tensor: Float32Array; readonly batched: Float32Array } | undefined;

  const compare = async (tensor: Float32Array, batched: Float32Array): Promise<void> => {
    try {
      const { probabilities } = await infer(tensor, 1);
      const difference = largestDifference(batched, probabilities);
      report.compared += 1;
      report.largestDifference = Math.max(report.largestDifference, difference);
      const isSame = difference <= TOLERANCE;
      if (!isSame) report.differed += 1;
      metrics.selfCheck(isSame ? 'same' : 'differs', report.largestDifference);
    } catch {
      metrics.selfCheck('failed', report.largestDifference); // the engine says why on its own way
    }
  };

  return {
    report,
    offer: (tensors, answer) => {
      const n = tensors.length;
      if (every === 0 || n === 1) return;
      batches += 1;
      if (batches % every !== 0 || due !== undefined) return;
      // Not always the first: a mistake may depend on the position in the batch.
      const at = (batches / every) % n;
      const tensor = tensors[at];
      if (tensor !== undefined) due = { tensor, batched: answerOf(answer, at, n).probabilities };
    },
    take: () => {
      if (due === undefined) return undefined;
      const { tensor, batched } = due;
      due = undefined;
      return () => compare(tensor, batched);
    },
  };
}

/** Infinite where one has no number. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (const [at, value] of a.entries()) {
    const difference = Math.abs(value - (b[at] ?? Number.NaN));
    largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return largest;
}
