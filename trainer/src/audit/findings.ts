/** What an audit found: counted without end, listed within a bound. */
export interface Place {
  /** Path relative to the dataset's folder. */
  readonly file: string;
  readonly side: string;
  readonly label: string;
  /** The patient, or whatever else must not be divided. */
  readonly group: string;
}

export type FindingKind = 'group-on-two-sides' | 'exact-duplicate' | 'near-duplicate' | 'label-conflict';

export interface Finding {
  readonly kind: FindingKind;
  /** A failure makes figures untrue; a warning wastes images or points at a wrong group. */
  readonly severity: 'failure' | 'warning';
  readonly a: Place;
  readonly b: Place;
  /** Of equal images: whether the files are equal or only what they show. */
  readonly same?: 'bytes' | 'pixels';
  /** Of twins: correlation, 0 to 1. */
  readonly similarity?: number;
}

/** Pairs, whether listed or not. */
export interface FindingCounts {
  readonly groupsOnTwoSides: number;
  readonly exactAcross: number;
  readonly exactWithin: number;
  readonly nearAcross: number;
  /** On one side, of two groups. */
  readonly nearWithin: number;
  /** On one side and of one group, as neighbouring slices are: no finding. */
  readonly nearInGroup: number;
  /** Equal images with two labels. */
  readonly labelConflicts: number;
  /** Twins with two labels. */
  readonly nearLabelConflicts: number;
}

/** Enough for a person to see what is wrong; a list of millions would end the run by itself. */
const LIMIT = 1000;

export class Findings {
  readonly places: readonly Place[];
  readonly counts: Record<keyof FindingCounts, number> = {
    groupsOnTwoSides: 0,
    exactAcross: 0,
    exactWithin: 0,
    nearAcross: 0,
    nearWithin: 0,
    nearInGroup: 0,
    labelConflicts: 0,
    nearLabelConflicts: 0,
  };
  readonly #limit: number;
  readonly #onAlike: (a: Place, b: Place) => void;
  readonly #failures: Finding[] = [];
  readonly #warnings: Finding[] = [];

  /** @param onAlike is told of every pair of equal and nearly equal images, listed or not */
  constructor(
    places: readonly Place[],
    limit = LIMIT,
    onAlike: (a: Place, b: Place) => void = () => undefined,
  ) {
    this.places = places;
    this.#limit = limit;
    this.#onAlike = onAlike;
  }

  get failures(): number {
    const { groupsOnTwoSides, exactAcross, nearAcross, labelConflicts } = this.counts;
    return groupsOnTwoSides + exactAcross + nearAcross + labelConflicts;
  }

  listed(): readonly Finding[] {
    return [...this.#failures, ...this.#warnings].slice(0, this.#limit);
  }

  addGroup(a: number, b: number): void {
    this.counts.groupsOnTwoSides += 1;
    this.#list('group-on-two-sides', 'failure', a, b);
  }

  addCopy(a: number, b: number, same: 'bytes' | 'pixels'): void {
    this.#tell(a, b);
    const across = this.#differ('side', a, b);
    this.counts[across ? 'exactAcross' : 'exactWithin'] += 1;
    this.#list('exact-duplicate', across ? 'failure' : 'warning', a, b, { same });
    if (!this.#differ('label', a, b)) return;
    this.counts.labelConflicts += 1;
    this.#list('label-conflict', 'failure', a, b, { same });
  }

  addTwin(a: number, b: number, similarity: number): void {
    this.#tell(a, b);
    const across = this.#differ('side', a, b);
    const groups = this.#differ('group', a, b);
    this.counts[across ? 'nearAcross' : groups ? 'nearWithin' : 'nearInGroup'] += 1;
    if (across || groups) {
      this.#list('near-duplicate', across ? 'failure' : 'warning', a, b, { similarity });
    }
    if (!this.#differ('label', a, b)) return;
    // No failure: a nodule between benign and malignant may have a twin on the other side of the line.
    this.counts.nearLabelConflicts += 1;
    this.#list('label-conflict', 'warning', a, b, { similarity });
  }

  #tell(a: number, b: number): void {
    const [first, second] = [this.places[a], this.places[b]];
    if (first !== undefined && second !== undefined) this.#onAlike(first, second);
  }

  #differ(what: 'side' | 'group' | 'label', a: number, b: number): boolean {
    return this.places[a]?.[what] !== this.places[b]?.[what];
  }

  #list(
    kind: FindingKind,
    severity: Finding['severity'],
    a: number,
    b: number,
    how: Pick<Finding, 'same' | 'similarity'> = {},
  ): void {
    const list = severity === 'failure' ? this.#failures : this.#warnings;
    const [first, second] = [this.places[a], this.places[b]];
    if (list.length >= this.#limit || first === undefined || second === undefined) return;
    list.push({ kind, severity, a: first, b: second, ...how });
  }
}
