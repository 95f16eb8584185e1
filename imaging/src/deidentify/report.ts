/** What was done to a file, in tags, keywords and codes. Never a value. */
import type { BurnedInReason } from './burned-in.ts';
import { keywordOf } from './profile.ts';

/**
 * `remove` X, `empty` Z, `replace` D (and values that break their VR), `uid` U, `shift` dates moved, `pseudonym`
 * patient's id and name, `keep`, `add` the marks that say it was done.
 */
type ReportedAction = 'remove' | 'empty' | 'replace' | 'uid' | 'shift' | 'pseudonym' | 'keep' | 'add';

export type DeidentifyReport = {
  /** The new one: what the file is to be called by. */
  readonly sopInstanceUid: string;
  readonly transferSyntax: string;
  /** Elements by what became of them, those in sequences included. */
  readonly counts: Readonly<Record<ReportedAction, number>>;
  /** All but those that were kept, in the order of tags. `keyword` is empty where table E.1-1 has none. */
  readonly tags: readonly {
    readonly tag: string;
    readonly keyword: string;
    readonly action: ReportedAction;
    readonly count: number;
  }[];
  readonly burnedIn: { readonly suspected: boolean; readonly reasons: readonly BurnedInReason[] };
};

export type Tally = {
  note(tag: number, action: ReportedAction): void;
  summary(): Pick<DeidentifyReport, 'counts' | 'tags'>;
};

export function createTally(): Tally {
  const counts = { remove: 0, empty: 0, replace: 0, uid: 0, shift: 0, pseudonym: 0, keep: 0, add: 0 };
  const byTag = new Map<string, { tag: number; action: ReportedAction; count: number }>();
  return {
    note: (tag, action) => {
      counts[action] += 1;
      if (action === 'keep') return;
      const key = `${tag} ${action}`;
      const entry = byTag.get(key) ?? { tag, action, count: 0 };
      entry.count += 1;
      byTag.set(key, entry);
    },
    summary: () => ({
      counts: { ...counts },
      tags: [...byTag.values()]
        .toSorted((a, b) => a.tag - b.tag)
        .map(({ tag, action, count }) => ({ tag: tagText(tag), keyword: keywordOf(tag), action, count })),
    }),
  };
}

function tagText(tag: number): string {
  const hex = tag.toString(16).padStart(8, '0').toUpperCase();
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
}
