import { byCodePoint } from '../dataset/scan.ts';

/** Groups that have a picture in common are one: the sets that arise where pairs are joined, in whatever order. */
export class JoinedGroups {
  readonly #above = new Map<string, string>();

  join(a: string, b: string): void {
    const [first, second] = [this.nameOf(a), this.nameOf(b)];
    if (first === second) return;
    // The set is called by the first of its names, so that its name does not depend on the order of the pairs.
    const [name, other] = byCodePoint(first, second) < 0 ? [first, second] : [second, first];
    this.#above.set(other, name);
  }

  /** What the set of a group is called; the group itself where it was never joined. */
  nameOf(group: string): string {
    let name = group;
    for (let above = this.#above.get(name); above !== undefined; above = this.#above.get(name)) {
      const higher = this.#above.get(above);
      // Halves the way for the next one who asks.
      if (higher !== undefined) this.#above.set(name, higher);
      name = above;
    }
    return name;
  }

  /** How many groups became part of another. */
  get joined(): number {
    return this.#above.size;
  }
}
