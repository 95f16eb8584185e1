/** Items of many owners, taken in turn: the owner that was served last comes last, its own items stay in order. */

export interface Turns<Owner, Item> extends Iterable<Item> {
  readonly size: number;
  readonly add: (owner: Owner, item: Item) => void;
  /** False where it is not there (any more). */
  readonly remove: (owner: Owner, item: Item) => boolean;
  /** All of one owner, taken out. */
  readonly removeAll: (owner: Owner) => readonly Item[];
  readonly peek: () => Item | undefined;
  readonly take: () => Item | undefined;
}

export function createTurns<Owner, Item>(): Turns<Owner, Item> {
  // A Map keeps the order of insertion, which is the order of turns; no list in it is empty.
  const ring = new Map<Owner, Item[]>();
  let size = 0;

  return {
    get size() {
      return size;
    },
    add: (owner, item) => {
      const own = ring.get(owner);
      if (own === undefined) ring.set(owner, [item]);
      else own.push(item);
      size += 1;
    },
    remove: (owner, item) => {
      const own = ring.get(owner) ?? [];
      const at = own.indexOf(item);
      if (at < 0) return false;
      own.splice(at, 1);
      if (own.length === 0) ring.delete(owner);
      size -= 1;
      return true;
    },
    removeAll: (owner) => {
      const own = ring.get(owner) ?? [];
      ring.delete(owner);
      size -= own.length;
      return own;
    },
    peek: () => ring.values().next().value?.[0],
    take: () => {
      const [first] = ring;
      if (first === undefined) return undefined;
      const [owner, own] = first;
      const item = own.shift();
      ring.delete(owner);
      if (own.length > 0) ring.set(owner, own);
      size -= 1;
      return item;
    },
    *[Symbol.iterator]() {
      for (const own of ring.values()) yield* own;
    },
  };
}
