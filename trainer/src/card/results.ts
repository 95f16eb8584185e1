/** An assessment as sections of Markdown, with or without a run that it came from. */
import type { Level } from '@hilum/model';
import type { Assessment, LevelAssessment } from '../evaluation/assessment.ts';
import { LEVELS } from '../evaluation/levels.ts';
import { wordOf } from '../plots/theme.ts';
import { isDefined } from '../statistics/samples.ts';
import { auc, difference, figure, list, missing, rate, table } from './markdown.ts';

export function resultSections(assessment: Assessment): readonly string[] {
  return [
    `## Results\n\n${figuresTable(assessment)}\n\nIntervals of 95 %: ${intervalText(assessment)}`,
    operatingSection(assessment),
    `### Calibration and abstention\n\n${list(LEVELS.map((level) => calibrationText(assessment.levels[level])))}`,
    shortcutSection(assessment.levels.unit, assessment.levels.patient),
    ...championSection(assessment),
    ...subgroupSection(assessment),
    `### What to know before believing a figure\n\n${list(assessment.caveats)}`,
  ];
}

function intervalText({ bootstrap }: Assessment): string {
  return `${bootstrap.resamples} resamples of whole patients (BCa, seed ${bootstrap.seed}), where these say nothing DeLong's or a score interval.`;
}

function figuresTable({ levels, labels }: Assessment): string {
  const row = (name: string, of: (level: LevelAssessment) => string) => [
    name,
    ...LEVELS.map((level) => of(levels[level])),
  ];
  const rows = [
    row(
      'samples (positive), patients',
      ({ samples, positives, groups }) => `${samples} (${positives}), ${groups}`,
    ),
    row('AUC-ROC', ({ aucRoc }) => auc(aucRoc)),
    row('average precision', ({ averagePrecision: area }) =>
      isDefined(area) ? figure(area.value, area.bootstrap) : missing(area),
    ),
    row('accuracy of the most probable label', ({ accuracy }) => rate(accuracy)),
    ...(labels.length > 2
      ? [
          row('AUC-ROC, mean of all labels', ({ classes }) => plain(classes?.macroAucRoc)),
          row('recall, mean of all labels', ({ classes }) => plain(classes?.macroRecall)),
        ]
      : []),
  ];
  return table(['', ...LEVELS.map((level) => `by ${wordOf(level)}`)], rows);
}

function plain(value: number | { readonly notDefined: string } | undefined): string {
  if (value === undefined) return '';
  return isDefined(value) ? value.toFixed(3) : missing(value);
}

function operatingSection({ levels, decision }: Assessment): string {
  const rows = LEVELS.map((level) => operatingRow(level, levels[level]));
  const chosen =
    decision === undefined
      ? 'No threshold was chosen on validation.'
      : `Chosen on ${decision.chosenOn.part} (${decision.chosenOn.images} images of ${decision.chosenOn.patients} patients): ${ruleText(decision.rule)}. Slices become a nodule or series by ${decision.aggregation.unit}, ${decision.aggregation.patient.of} a patient by ${decision.aggregation.patient.rule}.`;
  return [
    '### At the operating point',
    chosen,
    table(['level', 'threshold', 'sensitivity', 'specificity', 'PPV and NPV at a prevalence'], rows),
  ].join('\n\n');
}

export function ruleText(rule: NonNullable<Assessment['decision']>['rule']): string {
  if (rule.rule === 'youden') return 'the largest sum of sensitivity and specificity';
  const other = rule.rule === 'sensitivity' ? 'specificity' : 'sensitivity';
  return `the best ${other} at a ${rule.rule} of ${rule.atLeast} or more`;
}

function operatingRow(level: Level, { operating }: LevelAssessment): readonly string[] {
  if (!isDefined(operating)) return [wordOf(level), missing(operating), '', '', ''];
  const values = operating.predictiveValues.map(({ prevalence, ppv, npv }) => {
    const text = (value: typeof ppv) =>
      isDefined(value)
        ? `${figure(value.value, value.interval)}${isDefined(value.interval) ? '' : ' (no interval)'}`
        : missing(value);
    return `${(100 * prevalence).toFixed(0)} %: PPV ${text(ppv)}, NPV ${text(npv)}`;
  });
  return [
    wordOf(level),
    operating.chosen.threshold.toFixed(4),
    rate(operating.sensitivity),
    rate(operating.specificity),
    values.join('; '),
  ];
}

function calibrationText({ level, calibration, abstention }: LevelAssessment): string {
  const said = isDefined(calibration)
    ? `ECE ${calibration.before.ece.toFixed(3)}, Brier ${calibration.before.brier.toFixed(3)}`
    : missing(calibration);
  const after =
    isDefined(calibration) && calibration.after !== undefined
      ? `; at temperature ${(calibration.temperature ?? 1).toFixed(2)} ECE ${calibration.after.ece.toFixed(3)}, Brier ${calibration.after.brier.toFixed(3)}`
      : '';
  return `By ${wordOf(level)}: ${said}${after}. ${abstentionText(abstention)}`;
}

function abstentionText(abstention: LevelAssessment['abstention']): string {
  if (!isDefined(abstention)) return `No abstention: ${abstention.notDefined}.`;
  const { alpha, coverage, answered, accuracyAnswered } = abstention;
  const part = (share: typeof coverage) => (isDefined(share) ? figure(share.value, share) : missing(share));
  return `Conformal answers (α ${alpha}) hold the right label in ${part(coverage)}; one label is answered for ${part(answered)}, right in ${part(accuracyAnswered)} of them.`;
}

function shortcutSection(unit: LevelAssessment, patient: LevelAssessment): string {
  const rows = [unit, patient].flatMap(({ level, shortcuts }) =>
    Object.entries(shortcuts).map(([feature, baseline]) =>
      isDefined(baseline)
        ? [
            `${wordOf(feature)}, by ${wordOf(level)}`,
            `${baseline.direction.positiveWhere} is positive`,
            auc(baseline.auc),
            difference(baseline.model),
          ]
        : [`${wordOf(feature)}, by ${wordOf(level)}`, missing(baseline), '', ''],
    ),
  );
  const text =
    rows.length === 0
      ? 'None was measured.'
      : table(
          [
            'a number that is no image',
            'direction, learnt before test',
            'AUC-ROC alone',
            'the model is better by',
          ],
          rows,
        );
  return `### Shortcuts\n\n${text}`;
}

function championSection({ levels }: Assessment): readonly string[] {
  const rows = LEVELS.flatMap((level) => {
    const { champion } = levels[level];
    if (champion === undefined) return [];
    if (!isDefined(champion)) return [[wordOf(level), missing(champion), '', '']];
    const { model } = champion;
    const p = isDefined(model) && isDefined(model.deLong) ? model.deLong.pValue.toPrecision(2) : '';
    return [[`${champion.name}, by ${wordOf(level)}`, auc(champion.aucRoc), difference(model), p]];
  });
  if (rows.length === 0) return [];
  return [
    `### Beside the champion\n\n${table(['', 'AUC-ROC', 'the model is better by', 'p (DeLong, by patient)'], rows)}`,
  ];
}

function subgroupSection({ subgroups }: Assessment): readonly string[] {
  if (subgroups.length === 0) return [];
  const rows = subgroups.map(({ attribute, value, samples, positives, auc: estimate, rates }) => [
    `${wordOf(attribute)}: ${value ?? 'not known'}`,
    `${samples} (${positives})`,
    auc(estimate),
    rates && isDefined(rates.sensitivity) ? figure(rates.sensitivity.value, rates.sensitivity) : '',
    rates && isDefined(rates.specificity) ? figure(rates.specificity.value, rates.specificity) : '',
  ]);
  const head = ['part', 'samples (positive)', 'AUC-ROC', 'sensitivity', 'specificity'];
  return [`### Parts of the samples, by nodule or series\n\n${table(head, rows)}`];
}
