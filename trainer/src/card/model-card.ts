/** MODEL_CARD.md: what a model is, came from, can and cannot do (Mitchell et al. 2019). Pure. */
import { RESEARCH_USE_ONLY } from '../evaluation.ts';
import type { Assessment } from '../evaluation/assessment.ts';
import { list, table } from './markdown.ts';
import { resultSections } from './results.ts';
import type { RunFacts } from './run-facts.ts';

/** @param facts of the run; without them, what an evaluation of a package alone can say */
export function modelCard(assessment: Assessment, facts: RunFacts | undefined): string {
  const { labels, positiveLabel } = assessment;
  return `${[
    '# Model card',
    `**${RESEARCH_USE_ONLY}**`,
    `A classifier of chest-CT images into ${labels.join(', ')}; \`${positiveLabel}\` is the positive label.`,
    `## Intended use\n\n${INTENDED_USE}`,
    ...(facts === undefined ? [] : origin(facts)),
    ...resultSections(assessment),
    ...(facts === undefined ? [] : [`## Limits\n\n${list(limitsOf(facts))}`]),
  ].join('\n\n')}\n`;
}

const INTENDED_USE = list([
  'For: research on classifiers, tests of software, teaching.',
  'Not for: diagnosis, triage, screening, follow-up or any other decision about a person.',
  'No clinical study was made. Whoever wants one begins with the sheet beside this card (`reporting.md`).',
]);

function origin(facts: RunFacts): readonly string[] {
  const { split, audit, contract, contractDigest, network, fit, augmentation, training } = facts;
  return [
    `## Data\n\n${list(dataLines(facts))}\n\n${countsTable(facts)}`,
    `## Split and leakage\n\n${list([
      `By patient, seed ${split.seed}, ${fractionText(split.fractions)}; \`split.json\` has every image, sha256 \`${split.sha256}\`.`,
      audit === undefined
        ? 'No leakage audit is recorded.'
        : `The leakage audit compared ${audit.images} images: ${audit.groupsOnTwoSides} patients on two sides, ${audit.exactAcross} equal and ${audit.nearAcross} nearly equal pairs across sides, ${audit.labelConflicts} equal pairs with two labels.`,
    ])}`,
    `## Preprocessing\n\nContract \`${contractDigest}\`, which the server honours too: ${contractText(contract)}.`,
    `## Network and training\n\n${list([
      `VGG16, base weights sha256 \`${facts.baseWeightsSha256}\` (ImageNet).`,
      `Network: ${settings(network)}.`,
      `Training: ${settings(fit)}.`,
      `Augmentation: ${augmentation.copies === 0 ? 'none' : settings(augmentation)}.`,
      `Epoch ${training.bestEpoch} of ${training.epochs} was kept: ${keptText(facts)}.`,
      `Made ${facts.createdAt} with ${settings(facts.versions)}. The same data, settings, seed and kind of machine give the same model.`,
    ])}`,
  ];
}

/** Why the weights of this epoch are those of the model. */
export function keptText({ fit }: RunFacts): string {
  return fit.keepEpoch === 'best' ? 'the one with the best AUC-ROC on validation' : 'the last one';
}

function dataLines({ dataset }: RunFacts): readonly string[] {
  const { pin, source, kind, unlabelled } = dataset;
  return [
    kind === 'hu'
      ? 'DICOM slices in Hounsfield units.'
      : 'Pictures (PNG or JPEG) in grey values: no Hounsfield units, and a window that somebody chose.',
    `From ${source ?? 'a place that is not recorded'}.`,
    pin === undefined ? 'The images have no pin.' : `Pinned by DVC's md5 \`${pin}\`.`,
    `Labels: ${labelText(dataset)}`,
    ...(unlabelled === 0 ? [] : [`${unlabelled} images have no label and were left out.`]),
  ];
}

/** Who gave the labels, and what they are worth. */
export function labelText({ labelledBy, note }: RunFacts['dataset']): string {
  const unknown = 'It is not recorded whether they are pathology or opinion: the author must say.';
  const worth = note ?? (labelledBy === 'nodules' ? '' : unknown);
  return `${LABELLED_BY[labelledBy]}. ${worth}`.trim();
}

const LABELLED_BY = {
  folders: 'the names of the folders',
  manifest: 'a table with a row for each image',
  nodules:
    "radiologists' ratings of malignancy, 1 and 2 benign, 4 and 5 malignant unless the rule says otherwise: opinion, not pathology",
} as const;

function countsTable({ dataset }: RunFacts): string {
  const rows = Object.entries(dataset.parts).flatMap(([part, byLabel]) =>
    Object.entries(byLabel).map(([label, { images, units, patients }]) => [
      part,
      label,
      String(patients),
      String(units),
      String(images),
    ]),
  );
  return table(['part', 'label', 'patients', 'nodules or series', 'images'], rows);
}

function fractionText(fractions: RunFacts['split']['fractions']): string {
  return Object.entries(fractions)
    .map(([part, fraction]) => `${part} ${Math.round(100 * fraction)} %`)
    .join(', ');
}

export function contractText(contract: RunFacts['contract']): string {
  const { inputSize, crop, domain } = contract;
  const grey =
    contract.kind === 'hu'
      ? `windows ${contract.windows.map(({ center, width }) => `${center}/${width}`).join(', ')} HU as three channels`
      : `one grey value in three channels${contract.window === undefined ? '' : `, CT slices through ${contract.window.center}/${contract.window.width} HU`}`;
  return `${inputSize} x ${inputSize} pixels, ${grey}, crop ${crop}, for images of the domain \`${domain}\``;
}

/** `batchSize 32, learningRate 0.001`. */
export function settings(values: object): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join('+') : String(value)}`)
    .join(', ');
}

export function limitsOf({ dataset }: RunFacts): readonly string[] {
  return [
    'One dataset, split once: nothing is known of other hospitals, scanners, doses, ages or populations.',
    'Fairness is seen only as far as the parts of the samples go: sex, age and origin are there only if the table of labels has them.',
    dataset.kind === 'hu'
      ? 'Slices are judged one by one; what lies between them is not seen.'
      : 'Pictures are not CT: window, compression and crop were chosen by somebody, and can tell the label.',
    ...(dataset.labelledBy === 'nodules'
      ? ['Nodules were found and outlined before: this is no detector, and their size is given away.']
      : []),
  ];
}
