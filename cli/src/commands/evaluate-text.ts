/** What an evaluation says, for the terminal. Pure. */
import { metricsFile, wordOf, type EvaluatedPackage } from '@hilum/trainer';
import { table } from '../demo/screen.ts';

type Numbers = Readonly<Record<string, number>>;

export function evaluationText(result: EvaluatedPackage): string {
  const { note, positiveLabel, refused = [], assessment } = result;
  const { images, units, patients, shortcuts, champion } = metricsFile(assessment);
  const levels = { images, units, patients };
  const [first] = refused;
  const blocks = [
    figuresTable(result.part, positiveLabel, levels),
    calibrationTable(levels),
    opponentsTable(shortcuts, champion, championName(result)),
    ...(first === undefined
      ? []
      : [
          `not scored: ${refused.length} images outside the model's domain, the first ${first.file} (${first.code})`,
        ]),
    assessment.caveats.map((caveat) => `- ${caveat}`).join('\n'),
    note,
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

function figuresTable(
  part: string,
  positiveLabel: string,
  levels: Readonly<Record<string, Numbers>>,
): string {
  const head = [
    `part: ${part}`,
    'samples',
    'accuracy',
    `AUC-ROC (${positiveLabel})`,
    'sensitivity',
    'specificity',
  ];
  const rows = Object.entries(levels).map(([name, numbers]) => [
    name,
    String(numbers['samples'] ?? 0),
    withEnds(numbers, 'accuracy'),
    withEnds(numbers, 'aucRoc'),
    withEnds(numbers, 'sensitivity'),
    withEnds(numbers, 'specificity'),
  ]);
  return table([head, ...rows]);
}

function calibrationTable(levels: Readonly<Record<string, Numbers>>): string {
  const head = ['', 'threshold', 'ECE', 'Brier', 'at temperature', 'answered', 'right label in the answer'];
  const rows = Object.entries(levels).map(([name, numbers]) => [
    name,
    plain(numbers['threshold'], 4),
    plain(numbers['ece']),
    plain(numbers['brier']),
    numbers['eceAtTemperature'] === undefined
      ? '-'
      : `${plain(numbers['eceAtTemperature'])}, ${plain(numbers['brierAtTemperature'])}`,
    percent(numbers['answered']),
    percent(numbers['coverage']),
  ]);
  return table([head, ...rows]);
}

/** Empty where there is none. */
function opponentsTable(
  shortcuts: Readonly<Record<string, Numbers>>,
  champion: Numbers | undefined,
  name: string,
): string {
  const rows = [
    ...Object.entries(shortcuts).map(([feature, numbers]) => [`${wordOf(feature)} alone`, numbers] as const),
    ...(champion === undefined ? [] : [[name, champion] as const]),
  ].map(([opponent, numbers]) => [
    opponent,
    withEnds(numbers, 'aucRoc'),
    numbers['difference'] === undefined ? '-' : withEnds(numbers, 'difference'),
  ]);
  return rows.length === 0
    ? ''
    : table([['beside it, by unit', 'AUC-ROC', 'the model is better by'], ...rows]);
}

function championName({ assessment }: EvaluatedPackage): string {
  const { champion } = assessment.levels.unit;
  return champion !== undefined && 'name' in champion ? champion.name : '';
}

/** `0.9120 (0.871 to 0.944)`; a dash for a figure that is not defined. */
function withEnds(numbers: Numbers, name: string): string {
  const value = numbers[name];
  const [low, high] = [numbers[`${name}Low95`], numbers[`${name}High95`]];
  if (value === undefined) return '-';
  return low === undefined || high === undefined
    ? value.toFixed(4)
    : `${value.toFixed(4)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}

function plain(value: number | undefined, digits = 3): string {
  return value === undefined ? '-' : value.toFixed(digits);
}

function percent(value: number | undefined): string {
  return value === undefined ? '-' : `${(100 * value).toFixed(0)} %`;
}
