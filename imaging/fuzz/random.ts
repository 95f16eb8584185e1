/** Chance that can be repeated: the same seed and index give the same draws on every machine. */
export type Random = {
  /** 0 to 2^32 - 1. */
  readonly word: () => number;
  /** 0 to below - 1. */
  readonly below: (below: number) => number;
  readonly between: (low: number, high: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(list: readonly T[]) => T;
  readonly weighted: <T>(list: readonly (readonly [number, T])[]) => T;
  readonly bytes: (count: number) => Uint8Array;
};

/** Mulberry32 (T. Ettinger): 32 bits of state are plenty for one case, and each case has a stream of its own. */
export function randomOf(seed: number, index: number): Random {
  let state = mix(mix(seed >>> 0) ^ mix((index + 0x9e37_79b9) >>> 0));
  const word = () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return (z ^ (z >>> 14)) >>> 0;
  };
  const below = (limit: number) => (limit <= 1 ? 0 : Math.floor((word() / 2 ** 32) * limit));
  const pick = <T>(list: readonly T[]): T => {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    return list[below(list.length)] as T;
  };
  return {
    word,
    below,
    between: (low, high) => low + below(high - low + 1),
    chance: (probability) => word() / 2 ** 32 < probability,
    pick,
    weighted: (list) => {
      const total = list.reduce((sum, [weight]) => sum + weight, 0);
      let left = (word() / 2 ** 32) * total;
      for (const [weight, value] of list) {
        left -= weight;
        if (left < 0) return value;
      }
      return pick(list)[1];
    },
    bytes: (count) => {
      const out = new Uint8Array(count);
      for (let at = 0; at < count; at += 1) out[at] = word() & 0xff;
      return out;
    },
  };
}

/** The finaliser of MurmurHash3: neighbouring seeds share no bit. */
function mix(value: number): number {
  let z = value;
  z = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2_ae35);
  return (z ^ (z >>> 16)) >>> 0;
}
