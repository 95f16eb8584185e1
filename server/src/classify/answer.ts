/** From what the network said to the answer of the wire: what it means by the package's own decision. */
import { answerOf, type Probabilities } from '@hilum/model';
import { type Classification, NOTICE } from '@hilum/wire';
import { ServerError } from '../errors.ts';
import type { Job } from '../gate.ts';
import type { ServedModel } from '../readiness.ts';

export interface Scored {
  /** Whose thresholds are to be applied. */
  readonly level: Classification['decision']['level'];
  /** As the network gave them; of a series, aggregated. */
  readonly raw: Probabilities;
  readonly image: Classification['image'];
  readonly series: Classification['series'];
  readonly warnings: Classification['warnings'];
  readonly timings: Omit<Classification['timings'], 'totalMs'>;
}

/** The answer; ledger and counters hear of it too. */
export function classificationOf(job: Job, scored: Scored): Classification {
  const { served } = job;
  const { info, engine } = served;
  const { level, raw, timings } = scored;
  const said = answerOf(raw, level, info.labels, info.positiveLabel, info.decision);
  const abstention = said.abstains ? abstentionOf(said.conformal, level) : null;
  const outcome = abstention === null ? 'classified' : 'abstained';
  job.say({
    level: level === 'unit' ? 'series' : 'image',
    outcome,
    label: said.label,
    ...(abstention !== null && { abstention: abstention.code }),
  });
  return {
    outcome,
    label: said.label,
    probability: said.probabilities[said.label] ?? 0,
    probabilities: said.probabilities,
    positive: {
      label: info.positiveLabel,
      probability: said.probabilities[info.positiveLabel] ?? 0,
      called: said.called,
    },
    decision: {
      level,
      raw,
      temperature: said.temperature,
      operatingPoint: said.operatingPoint,
      conformal: said.conformal && { alpha: said.conformal.alpha, labels: [...said.conformal.labels] },
    },
    abstention,
    series: scored.series,
    engine: { engine: engine.engine, precision: engine.precision },
    model: { name: served.name, version: served.version, digest: info.digest },
    contract: served.contract,
    image: scored.image,
    warnings: scored.warnings,
    timings: {
      decodeMs: hundredths(timings.decodeMs),
      preprocessMs: hundredths(timings.preprocessMs),
      queueMs: hundredths(timings.queueMs),
      inferMs: hundredths(timings.inferMs),
      totalMs: hundredths(job.elapsedMs()),
    },
    requestId: job.requestId,
    notice: NOTICE,
  };
}

/**
 * What the network said of one image, by label.
 *
 * @throws ServerError ENGINE_FAILED where it is no probability
 */
export function rawOf(values: Float32Array, { info }: ServedModel): Probabilities {
  const pairs = info.labels.map((label, index) => [label, values[index] ?? Number.NaN] as const);
  // NaN compares false with everything; a net that overflowed must not become an answer.
  if (!pairs.every(([, p]) => p >= 0 && p <= 1)) {
    throw new ServerError('ENGINE_FAILED', 'the model answered with something that is no probability');
  }
  return Object.fromEntries(pairs);
}

function abstentionOf(
  conformal: Classification['decision']['conformal'] | ReturnType<typeof answerOf>['conformal'],
  level: Scored['level'],
): NonNullable<Classification['abstention']> {
  const { alpha = 0, labels = [] } = conformal ?? {};
  const what = level === 'image' ? 'image' : 'series';
  const often = `${Number((100 * alpha).toPrecision(3))} % of like cases`;
  if (labels.length === 0) {
    return {
      code: 'NO_LABEL',
      message: `No label is probable enough: the ${what} is unlike those that the model was tried on. Let a person decide.`,
    };
  }
  return {
    code: 'SEVERAL_LABELS',
    message: `The model cannot tell ${labels.join(' from ')} without being wrong in more than ${often}. Let a person decide.`,
  };
}

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}
