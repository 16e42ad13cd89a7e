// Seeded choices for generated rules and events: the same seed gives the same data on every machine, and a figure can be
// measured again. Not for secrets.

export interface Random {
  /** 0 <= x < 1, with 32 random bits. */
  fraction(): number;
  /** A whole number below `limit`. */
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
  chance(share: number): boolean;
}

// Mulberry32: 32 bits of state are plenty for some 10^7 draws.
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(fraction() * limit);
  return { fraction, below, pick: (list) => list[below(list.length)]!, chance: (share) => fraction() < share };
}

/** Draws an index below `size`; the n-th has a weight of 1 / (n + `flatten`), so a few are popular and most are rare. */
export function zipf(random: Random, size: number, flatten: number): () => number {
  const sums = new Float64Array(size);
  let sum = 0;
  for (let n = 0; n < size; n++) {
    sum += 1 / (n + flatten);
    sums[n] = sum;
  }
  return () => {
    const wanted = random.fraction() * sum;
    let [low, high] = [0, size - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** How often each value occurs. */
export function counted<T>(values: Iterable<T>): ReadonlyMap<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** For each wanted share of `total` the value whose count is nearest; no value twice. */
export function nearestShares<T>(counts: ReadonlyMap<T, number>, total: number, shares: readonly number[]): T[] {
  const left = new Map(counts);
  return shares.map((share) => {
    let best: { readonly value: T; readonly off: number } | undefined;
    for (const [value, count] of left) {
      const off = Math.abs(count / total - share);
      if (best === undefined || off < best.off) best = { value, off };
    }
    if (best === undefined) throw new RangeError(`${shares.length} values wanted, there are ${counts.size}`);
    left.delete(best.value);
    return best.value;
  });
}
