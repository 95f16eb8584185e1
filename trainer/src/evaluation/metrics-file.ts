/** The figures of an assessment flat, for `dvc metrics` and MLflow: numbers only; what is not defined is absent. Pure. */
import { intervalOf, type AucEstimate } from '../statistics/auc.ts';
import { isDefined, type NotDefined } from '../statistics/samples.ts';
import type { Assessment, LevelAssessment, Rate } from './assessment.ts';
import { rateInterval } from './rate-interval.ts';

type Numbers = Readonly<Record<string, number>>;

export interface MetricsFile {
  readonly part: Assessment['part'];
  readonly images: Numbers;
  readonly units: Numbers;
  readonly patients: Numbers;
  /** By nodule or series: the AUC of each shortcut alone, and by how much the model is better. */
  readonly shortcuts: Readonly<Record<string, Numbers>>;
  readonly champion?: Numbers;
}

export function metricsFile({ part, levels }: Assessment): MetricsFile {
  const { champion } = levels.unit;
  return {
    part,
    images: numbersOf(levels.image),
    units: numbersOf(levels.unit),
    patients: numbersOf(levels.patient),
    shortcuts: Object.fromEntries(
      Object.entries(levels.unit.shortcuts).flatMap(([name, baseline]) =>
        isDefined(baseline) ? [[name, compared(baseline.auc, baseline.model)]] : [],
      ),
    ),
    ...(champion !== undefined &&
      isDefined(champion) && { champion: compared(champion.aucRoc, champion.model) }),
  };
}

/** For MLflow: `unit/auc_roc_low95` of `units.aucRocLow95`, all under the part. */
export function flatMetrics({ part, images, units, patients, shortcuts, champion }: MetricsFile): Numbers {
  const named = Object.entries(shortcuts).map(
    ([name, numbers]) => [`shortcut/${snake(name)}`, numbers] as const,
  );
  const groups: readonly (readonly [string, Numbers])[] = [
    ['image', images],
    ['unit', units],
    ['patient', patients],
    ...named,
    ...(champion === undefined ? [] : [['champion', champion] as const]),
  ];
  return Object.fromEntries(
    groups.flatMap(([group, numbers]) =>
      Object.entries(numbers).map(([name, value]) => [`${part}/${group}/${snake(name)}`, value]),
    ),
  );
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function numbersOf(level: LevelAssessment): Numbers {
  const { aucRoc, averagePrecision, accuracy, operating, calibration, abstention } = level;
  return {
    samples: level.samples,
    positives: level.positives,
    ...rateOf('accuracy', accuracy),
    ...aucOf(aucRoc),
    ...(isDefined(averagePrecision) && { averagePrecision: averagePrecision.value }),
    ...(isDefined(operating) && {
      threshold: operating.chosen.threshold,
      ...rateOf('sensitivity', operating.sensitivity),
      ...rateOf('specificity', operating.specificity),
    }),
    ...(isDefined(calibration) && {
      ece: calibration.before.ece,
      brier: calibration.before.brier,
      ...(calibration.after !== undefined && {
        eceAtTemperature: calibration.after.ece,
        brierAtTemperature: calibration.after.brier,
      }),
    }),
    ...(isDefined(abstention) && {
      ...(isDefined(abstention.coverage) && { coverage: abstention.coverage.value }),
      ...(isDefined(abstention.answered) && { answered: abstention.answered.value }),
    }),
  };
}

function aucOf(estimate: AucEstimate | NotDefined): Numbers {
  if (!isDefined(estimate)) return {};
  const { low, high } = intervalOf(estimate);
  return { aucRoc: estimate.value, aucRocLow95: low, aucRocHigh95: high };
}

function rateOf(name: string, rate: Rate): Numbers {
  const interval = rateInterval(rate);
  if (interval === undefined || !isDefined(rate.wilson)) return {};
  const { low, high } = interval;
  return { [name]: rate.wilson.value, [`${name}Low95`]: low, [`${name}High95`]: high };
}

function compared(estimate: AucEstimate | NotDefined, model: LevelModel): Numbers {
  if (!isDefined(model)) return aucOf(estimate);
  const { difference, bootstrap } = model;
  return {
    ...aucOf(estimate),
    difference,
    ...(isDefined(bootstrap) && { differenceLow95: bootstrap.low, differenceHigh95: bootstrap.high }),
  };
}

type LevelModel = NonNullable<Exclude<LevelAssessment['champion'], NotDefined>>['model'];
