import { TrainerError } from '../errors.ts';
import type { Audit } from './audit.ts';
import type { Finding, FindingKind, Place } from './findings.ts';

/** As many as a message of a Kubernetes condition has room for and a person reads. */
const NAMED = 10;

/**
 * Lets nothing be trained on a split that leaks.
 *
 * @throws TrainerError SPLIT_LEAKS naming the first pairs and how many there are
 */
export function refuseLeaks(audit: Audit): void {
  if (audit.passed) return;
  const { groupsOnTwoSides, exactAcross, nearAcross, labelConflicts } = audit.counts;
  const counted = [
    plural(groupsOnTwoSides, 'group on two sides', 'groups on two sides'),
    plural(exactAcross, 'equal pair across sides', 'equal pairs across sides'),
    plural(nearAcross, 'near-equal pair across sides', 'near-equal pairs across sides'),
    plural(labelConflicts, 'equal pair with two labels', 'equal pairs with two labels'),
  ].filter((text) => text !== undefined);
  const all = groupsOnTwoSides + exactAcross + nearAcross + labelConflicts;
  const advice = [
    ...(all > labelConflicts
      ? ['remove one of a pair, or put both into one group: hilum audit --regroup']
      : []),
    ...(labelConflicts > 0 ? ['settle which label is right'] : []),
  ];
  const named = audit.findings.filter(({ severity }) => severity === 'failure').slice(0, NAMED);
  const more = all > named.length ? `; and ${all - named.length} more` : '';
  throw new TrainerError(
    'SPLIT_LEAKS',
    `the split leaks: ${counted.join(', ')} (${advice.join('; ')}): ${named.map(sentenceOf).join('; ')}${more}`,
  );
}

function plural(count: number, one: string, many: string): string | undefined {
  if (count === 0) return undefined;
  return `${count} ${count === 1 ? one : many}`;
}

/** What a finding says, by paths and sides. */
export function sentenceOf({ kind, a, b, similarity }: Finding): string {
  return SENTENCES[kind](a, b, similarity ?? 0);
}

const SENTENCES: Readonly<Record<FindingKind, (a: Place, b: Place, similarity: number) => string>> = {
  'group-on-two-sides': (a, b) => `${sided(a)} and ${sided(b)} are of one group`,
  'exact-duplicate': (a, b) => `${sided(a)} and ${sided(b)} are equal`,
  'near-duplicate': (a, b, r) => `${sided(a)} and ${sided(b)} are nearly equal (r ${r.toFixed(3)})`,
  'label-conflict': (a, b) => `${a.file} is ${a.label} and its equal ${b.file} is ${b.label}`,
};

function sided({ file, side }: Place): string {
  return `${file} (${side})`;
}
