/** What a run knows of itself, for the model card and the reporting sheet; aggregate figures, nothing of a patient. */
import { contractDigest, type Contract } from '@hilum/imaging';
import type { FindingCounts } from '../audit/findings.ts';
import type { DatasetImage } from '../dataset/scan.ts';
import { PARTS, type Part } from '../dataset/split.ts';
import type { Plan } from '../plan.ts';
import type { AugmentationRecipe, FitRecipe, NetworkRecipe } from '../recipe.ts';

export interface RunFacts {
  /** ISO 8601. */
  readonly createdAt: string;
  readonly dataset: {
    /** DVC's md5 of the images. */
    readonly pin?: string;
    /** Where they came from, as people know it; never with credentials. */
    readonly source?: string;
    readonly kind: 'hu' | 'grey';
    readonly labels: readonly string[];
    readonly labelledBy: 'folders' | 'manifest' | 'nodules';
    readonly labelsSha256?: string;
    /** What a label is worth, in the words of whoever gave the images: opinion or pathology. */
    readonly note?: string;
    readonly unlabelled: number;
    /** By part, then label. */
    readonly parts: Readonly<Record<Part, Readonly<Record<string, PartCounts>>>>;
  };
  readonly split: {
    readonly seed: number;
    readonly fractions: Readonly<Record<string, number>>;
    readonly sha256: string;
  };
  /** Absent where no audit was made. */
  readonly audit?: FindingCounts & { readonly images: number };
  readonly contract: Contract;
  readonly contractDigest: string;
  readonly network: NetworkRecipe;
  readonly fit: FitRecipe;
  readonly augmentation: AugmentationRecipe;
  readonly baseWeightsSha256: string;
  readonly training: { readonly epochs: number; readonly bestEpoch: number };
  /** By name: node, hilum, tensorflow, … */
  readonly versions: Readonly<Record<string, string>>;
}

interface PartCounts {
  readonly images: number;
  readonly units: number;
  readonly patients: number;
}

export interface RunFactsInput extends Pick<
  RunFacts,
  'createdAt' | 'audit' | 'network' | 'fit' | 'augmentation' | 'baseWeightsSha256' | 'training' | 'versions'
> {
  readonly plan: Plan;
  readonly labelledBy: RunFacts['dataset']['labelledBy'];
  readonly pin?: string | undefined;
  readonly source?: string | undefined;
  readonly note?: string | undefined;
}

export function runFacts({ plan, labelledBy, pin, source, note, ...rest }: RunFactsInput): RunFacts {
  const { dataset, split, splitSha256, parts, contract } = plan;
  const { kind, labels, labelsSha256, unlabelled } = dataset;
  const counted = PARTS.map((part) => {
    const images = parts[part].flatMap((index) => dataset.images[index] ?? []);
    return [part, Object.fromEntries(labels.map((label) => [label, countsOf(images, label)]))] as const;
  });
  return {
    ...rest,
    dataset: {
      kind,
      labels,
      labelledBy,
      unlabelled,
      parts: Object.fromEntries(counted) as RunFacts['dataset']['parts'],
      ...(pin !== undefined && { pin }),
      ...(source !== undefined && { source }),
      ...(labelsSha256 !== undefined && { labelsSha256 }),
      ...(note !== undefined && { note }),
    },
    split: { seed: split.seed, fractions: split.fractions, sha256: splitSha256 },
    contract,
    contractDigest: contractDigest(contract),
  };
}

function countsOf(images: readonly DatasetImage[], label: string): PartCounts {
  const own = images.filter((image) => image.label === label);
  return {
    images: own.length,
    units: new Set(own.map(({ unit }) => unit)).size,
    patients: new Set(own.map(({ patient }) => patient)).size,
  };
}
