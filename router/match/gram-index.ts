// Which of many wanted texts does a value contain? Each wanted text is filed under one of its short pieces, the least
// used one; the pieces of a value are looked up. A small table of counts answers most look-ups without a map.

import type { OnHit, TextEntry } from './text-index.ts';

export interface GramIndex {
  add(entry: TextEntry): void;
  remove(entry: TextEntry): void;
  find(value: string, onHit: OnHit): void;
}

const MOST_UNITS = 3;
const TABLE = 4096;

function gramAt(text: string, at: number, units: number): number {
  let hash = units;
  for (let i = 0; i < units; i++) hash = (Math.imul(hash, 0x01000193) ^ text.charCodeAt(at + i)) | 0;
  return hash;
}

interface Bucket {
  readonly entries: TextEntry[];
  /** The last look-up that asked it: a value repeats pieces, and each answer costs a look at all of the value. */
  asked: number;
}

interface Grams {
  readonly units: number;
  readonly counts: Uint32Array;
  readonly buckets: Map<number, Bucket>;
  readonly gramOf: Map<TextEntry, number>;
  lookUps: number;
}

function leastUsed({ units, buckets }: Grams, text: string): number {
  let best = gramAt(text, 0, units);
  let bestSize = Number.POSITIVE_INFINITY;
  for (let at = 0; at + units <= text.length; at++) {
    const gram = gramAt(text, at, units);
    const size = buckets.get(gram)?.entries.length ?? 0;
    if (size < bestSize) [best, bestSize] = [gram, size];
  }
  return best;
}

function findIn(grams: Grams, value: string, onHit: OnHit): void {
  const { units, counts, buckets } = grams;
  const lookUp = ++grams.lookUps;
  for (let at = 0; at + units <= value.length; at++) {
    const gram = gramAt(value, at, units);
    if (counts[gram & (TABLE - 1)] === 0) continue;
    const bucket = buckets.get(gram);
    if (bucket === undefined || bucket.asked === lookUp) continue;
    bucket.asked = lookUp;
    const { entries } = bucket;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      if (entry.matches(value)) onHit(entry.place);
    }
  }
}

/** Texts must not be empty. */
export function createGramIndex(): GramIndex {
  const byUnits: (Grams | undefined)[] = [];
  const gramsFor = (text: string): Grams => {
    const units = Math.min(MOST_UNITS, text.length);
    byUnits[units] ??= { units, counts: new Uint32Array(TABLE), buckets: new Map(), gramOf: new Map(), lookUps: 0 };
    return byUnits[units];
  };
  return {
    add(entry) {
      const grams = gramsFor(entry.text);
      const gram = leastUsed(grams, entry.text);
      const bucket = grams.buckets.get(gram);
      if (bucket === undefined) grams.buckets.set(gram, { entries: [entry], asked: 0 });
      else bucket.entries.push(entry);
      grams.gramOf.set(entry, gram);
      grams.counts[gram & (TABLE - 1)]!++;
    },
    remove(entry) {
      const grams = gramsFor(entry.text);
      const gram = grams.gramOf.get(entry);
      if (gram === undefined) return;
      const left = grams.buckets.get(gram)?.entries.filter((other) => other !== entry) ?? [];
      if (left.length === 0) grams.buckets.delete(gram);
      else grams.buckets.set(gram, { entries: left, asked: 0 });
      grams.gramOf.delete(entry);
      grams.counts[gram & (TABLE - 1)]!--;
    },
    find(value, onHit) {
      for (let i = 0; i < byUnits.length; i++) {
        const grams = byUnits[i];
        if (grams !== undefined && grams.gramOf.size > 0) findIn(grams, value, onHit);
      }
    },
  };
}
