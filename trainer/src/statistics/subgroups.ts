/** The AUC of parts of the samples, where a mean can hide that one of them is failed. Pure given its seed. */
import { estimateAuc, type AucEstimate } from './auc.ts';
import type { BootstrapOptions } from './bootstrap.ts';
import { ratesAt, type Rates } from './operating-point.ts';
import { checkBinary, pickRows, sameLength, type BinarySamples, type NotDefined } from './samples.ts';

/** A property by which samples are parted (sex, maker, a band of diameters); undefined where it is not known. */
export type Attribute = readonly (string | undefined)[];

export interface SubgroupRow {
  readonly attribute: string;
  /** Undefined: the samples of which it is not known. */
  readonly value: string | undefined;
  readonly samples: number;
  readonly positives: number;
  readonly groups: number;
  readonly auc: AucEstimate | NotDefined;
  /** At the threshold, where one is given: they exist for a part of one class too, which has no AUC. */
  readonly rates?: Rates;
}

/** 6 mm comes before 15 mm. */
const ORDER = new Intl.Collator('en', { numeric: true });

/**
 * One row per attribute and value, sorted, the unknown last. Many rows are many looks: an interval apart from the
 * others is a question, not a finding.
 *
 * @throws TrainerError NOT_A_NUMBER
 */
export function subgroupTable(
  samples: BinarySamples,
  attributes: Readonly<Record<string, Attribute>>,
  options: BootstrapOptions & { readonly threshold?: number },
): readonly SubgroupRow[] {
  checkBinary(samples);
  return Object.entries(attributes).flatMap(([attribute, values]) => {
    sameLength(samples.scores, values);
    return [...Map.groupBy(values.keys(), (row) => values[row])]
      .toSorted(([a], [b]) =>
        a === undefined || b === undefined ? (a === undefined ? 1 : -1) : ORDER.compare(a, b),
      )
      .map(([value, rows]) => rowOf(attribute, value, pickRows(samples, rows), options));
  });
}

function rowOf(
  attribute: string,
  value: string | undefined,
  part: BinarySamples,
  { threshold, ...options }: BootstrapOptions & { readonly threshold?: number },
): SubgroupRow {
  return {
    attribute,
    value,
    samples: part.scores.length,
    positives: part.positive.filter(Boolean).length,
    groups: new Set(part.groups).size,
    auc: estimateAuc(part, options),
    ...(threshold !== undefined && { rates: ratesAt(part, threshold, options.level) }),
  };
}
