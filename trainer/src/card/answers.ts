/** What a run can say to questions that both reporting guidelines ask. Pure. */
import type { Assessment } from '../evaluation/assessment.ts';
import { LEVELS } from '../evaluation/levels.ts';
import { wordOf } from '../plots/theme.ts';
import { isDefined } from '../statistics/samples.ts';
import { auc, difference, rate } from './markdown.ts';
import { contractText, keptText, labelText, limitsOf, settings } from './model-card.ts';
import { ruleText } from './results.ts';
import type { RunFacts } from './run-facts.ts';

export interface Run {
  readonly assessment: Assessment;
  readonly facts: RunFacts;
}

/** An item of a guideline, its text in words of our own; an undefined answer is for the author to give. */
export interface Item {
  readonly number: string;
  readonly topic: string;
  readonly answer?: (run: Run) => string | undefined;
}

export function source({ facts: { dataset } }: Run): string | undefined {
  const { pin, source } = dataset;
  if (pin === undefined && source === undefined) return undefined;
  return `${source ?? 'source not named'}${pin === undefined ? '' : `, pinned by md5 ${pin}`}. Where, when and of whom the images were made: the author must.`;
}

export function preprocessing({ facts: { contract, contractDigest } }: Run): string {
  return `${contractText(contract)}; contract ${contractDigest}, the same in training and serving.`;
}

export function labelling({ facts: { dataset } }: Run): string {
  return `${dataset.labels.join(', ')} by ${labelText(dataset)}`;
}

export function partition({ facts: { split } }: Run): string {
  const parts = Object.entries(split.fractions).map(
    ([part, share]) => `${part} ${Math.round(100 * share)} %`,
  );
  return `Patients drawn with seed ${split.seed}, stratified by label: ${parts.join(', ')}. Record: split.json, sha256 ${split.sha256}.`;
}

export function disjoint({ facts: { audit } }: Run): string {
  const checked =
    audit === undefined
      ? 'No audit of copies is recorded.'
      : `Audit of ${audit.images} images: ${audit.groupsOnTwoSides} patients on two sides, ${audit.exactAcross} equal and ${audit.nearAcross} nearly equal pairs across sides.`;
  return `By patient, as the dataset names them. ${checked}`;
}

export function network({ facts }: Run): string {
  return `VGG16 with a new head: ${settings(facts.network)}. Output: probabilities of ${facts.dataset.labels.join(', ')}.`;
}

export function software({ facts }: Run): string {
  return `${settings(facts.versions)}.`;
}

export function initialisation({ facts }: Run): string {
  return `Base: ImageNet weights, sha256 ${facts.baseWeightsSha256}. Head: random with seed ${facts.fit.seed}.`;
}

export function training({ facts }: Run): string {
  const { augmentation } = facts;
  return `${settings(facts.fit)}; augmentation: ${augmentation.copies === 0 ? 'none' : settings(augmentation)}.`;
}

export function selection({ facts }: Run): string {
  const { bestEpoch, epochs } = facts.training;
  return `Epoch ${bestEpoch} of ${epochs}, ${keptText(facts)}. How the settings were found: the author must.`;
}

export function metrics({ assessment }: Run): string {
  const rule =
    assessment.decision === undefined ? '' : ` (${ruleText(assessment.decision.rule)} on validation)`;
  return `AUC-ROC, average precision, accuracy, sensitivity and specificity at one operating point${rule}, PPV and NPV at stated prevalences, ECE and Brier before and after temperature, coverage of conformal answers; by ${LEVELS.map(wordOf).join(', ')}.`;
}

export function uncertainty({ assessment: { bootstrap } }: Run): string {
  return `95 % intervals of ${bootstrap.resamples} resamples of whole patients (BCa), DeLong's for clustered data, Wilson's; paired differences for comparisons.`;
}

export function performance({ assessment }: Run): string {
  const aucs = LEVELS.map((level) => `${wordOf(level)} ${auc(assessment.levels[level].aucRoc)}`);
  return `AUC-ROC by ${aucs.join('; ')}. All of it: MODEL_CARD.md, assessment.json.`;
}

export function atThreshold({ assessment }: Run): string | undefined {
  const { operating } = assessment.levels.unit;
  if (!isDefined(operating)) return undefined;
  return `By nodule or series: sensitivity ${rate(operating.sensitivity)}; specificity ${rate(operating.specificity)}. Predictive values: MODEL_CARD.md.`;
}

export function robustness({ assessment }: Run): string | undefined {
  const { shortcuts } = assessment.levels.unit;
  const compared = Object.entries(shortcuts).flatMap(([name, baseline]) =>
    isDefined(baseline) ? [`${wordOf(name)} ${difference(baseline.model)}`] : [],
  );
  if (compared.length === 0) return undefined;
  return `Beside numbers that are no image, the model is better in AUC-ROC by: ${compared.join('; ')}. Parts of the samples: MODEL_CARD.md.`;
}

export function counts({ facts: { dataset } }: Run): string {
  const parts = Object.entries(dataset.parts).map(([part, byLabel]) => {
    const labels = Object.entries(byLabel).map(
      ([label, { patients, units, images }]) =>
        `${label} ${patients} patients, ${units} nodules or series, ${images} images`,
    );
    return `${part}: ${labels.join('; ')}`;
  });
  return `${parts.join('. ')}. Without a label: ${dataset.unlabelled} images.`;
}

export function limitations({ facts, assessment }: Run): string {
  return `${limitsOf(facts).join(' ')} ${assessment.caveats.join(' ')}`;
}

export function imbalance({ facts }: Run): string {
  return `Class weights while training: ${facts.fit.classWeights}; probabilities were not corrected for them but by the temperature.`;
}

export function availability(): string {
  return 'Model package with digest, ONNX and TensorFlow.js; code under Apache-2.0. Data: the author must.';
}

export function poorInput({ facts: { contract } }: Run): string {
  return contract.domain === 'any'
    ? 'Only what cannot be decoded is refused: the domain is `any`.'
    : `An image outside of the domain \`${contract.domain}\` is refused with a reason, never scored.`;
}

/** Both guidelines ask how data were missing. */
export function missingData({ facts }: Run): string {
  return `${facts.dataset.unlabelled} images without a label were left out; nothing was imputed.`;
}
