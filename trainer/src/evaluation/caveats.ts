/** What a reader must know before believing a figure, in sentences. Pure. */
import type { Decision } from '@hilum/model';
import { isDefined } from '../statistics/samples.ts';
import type { Assessment, LevelAssessment } from './assessment.ts';
import { LEVELS } from './levels.ts';

/** With fewer groups of a class an interval says little more than that it is wide. */
const FEW = 20;

/** A model that does this much better where it learnt has learnt by heart. */
const GAP = 0.1;

export function caveatsOf({
  part,
  levels,
  decision,
}: Pick<Assessment, 'part' | 'levels'> & { readonly decision: Decision | undefined }): readonly string[] {
  const { unit, patient } = levels;
  return [
    ...ofPart(part, decision),
    ...fewPatients(patient),
    ...LEVELS.flatMap((level) => gap(levels[level], decision)),
    ...temperature(unit, decision),
    ...coverage(unit),
    ...unbeaten(unit),
    'Wilson intervals take samples for independent, which slices and nodules of one patient are not; those by group do not.',
    ...(decision === undefined
      ? []
      : [
          'Validation also steers training (its epoch, its end): what is fitted on it (threshold, temperature, coverage) flatters a little.',
        ]),
  ];
}

function ofPart(part: Assessment['part'], decision: Decision | undefined): readonly string[] {
  const seen =
    part === 'train' || part === 'validation'
      ? [`These are figures of the ${part} part, which the model or its settings were fitted on.`]
      : [];
  const undecided =
    decision === undefined
      ? [
          'No threshold was chosen on validation, so there is no sensitivity, specificity or calibration after temperature.',
        ]
      : [];
  return [...seen, ...undecided];
}

function fewPatients({ samples, positives }: LevelAssessment): readonly string[] {
  const least = Math.min(positives, samples - positives);
  return least >= FEW
    ? []
    : [`Only ${least} patients are of the rarer of the two classes; every interval here is wide and rough.`];
}

function gap(level: LevelAssessment, decision: Decision | undefined): readonly string[] {
  const train = decision?.levels[level.level].aucRoc.train;
  if (train === undefined || !isDefined(level.aucRoc)) return [];
  const difference = train - level.aucRoc.value;
  return difference <= GAP
    ? []
    : [
        `The AUC-ROC by ${level.level} is ${difference.toFixed(2)} higher on the training part: much was learnt by heart.`,
      ];
}

function temperature({ calibration }: LevelAssessment, decision: Decision | undefined): readonly string[] {
  const fitted = decision?.levels.unit.temperature;
  const notes: string[] = [];
  if (fitted !== undefined && isDefined(fitted) && fitted.atLimit)
    notes.push(
      'The temperature lies at the end of its range: validation was too small or too easy to fit one.',
    );
  if (
    isDefined(calibration) &&
    calibration.after !== undefined &&
    calibration.after.brier > calibration.before.brier
  )
    notes.push('The temperature that was fitted on validation makes the Brier score worse here.');
  return notes;
}

function coverage({ abstention }: LevelAssessment): readonly string[] {
  if (!isDefined(abstention) || !isDefined(abstention.coverage)) return [];
  const { coverage: share, alpha } = abstention;
  return share.high >= 1 - alpha
    ? []
    : [
        `The conformal answer holds the right label in ${percent(share.value)}, not in the promised ${percent(1 - alpha)}.`,
      ];
}

function unbeaten({ shortcuts }: LevelAssessment): readonly string[] {
  const names = Object.entries(shortcuts).flatMap(([name, baseline]) => {
    if (!isDefined(baseline) || !isDefined(baseline.model) || !isDefined(baseline.model.bootstrap)) return [];
    return baseline.model.bootstrap.low > 0 ? [] : [name];
  });
  return names.length === 0
    ? []
    : [
        `It is not shown that the model knows more than ${names.join(', ')} alone: the interval of the difference holds 0.`,
      ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
