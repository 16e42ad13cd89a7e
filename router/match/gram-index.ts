// Which of many wanted texts does a value contain? Each wanted text is filed under one of its short pieces, the least
// used one; the pieces of a value are looked up. A small table of counts answers most look-ups without a map.

import type { OnHit, TextEntry } from './text-index.ts';

export interface GramIndex {
  add(entry: TextEntry): void;
  remove(entry: TextEntry): void;
  find(value: string, onHit: OnHit): void;
}

const MOST_UNITS = 3;
// A unit's share of a gram. Units over 10 bits run into their neighbours: a gram is a hash, and candidates are asked.
const UNIT_BITS = 10;
const TABLE_BITS = 12;

function maskOf(units: number): number {
  return (1 << (UNIT_BITS * units)) - 1;
}

/** The gram of the last units, when the one before it was `gram`. */
function slide(gram: number, code: number, mask: number): number {
  return ((gram << UNIT_BITS) ^ code) & mask;
}

function entryOf(gram: number): number {
  return Math.imul(gram, 0x9e3779b1) >>> (32 - TABLE_BITS);
}

function gramAt(text: string, at: number, units: number): number {
  let gram = 0;
  for (let i = 0; i < units; i++) gram = slide(gram, text.charCodeAt(at + i), maskOf(units));
  return gram;
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
  const mask = maskOf(units);
  let gram = 0;
  for (let at = 0; at < value.length; at++) {
    gram = slide(gram, value.charCodeAt(at), mask);
    if (at < units - 1 || counts[entryOf(gram)] === 0) continue;
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
    byUnits[units] ??= {
      units,
      counts: new Uint32Array(1 << TABLE_BITS),
      buckets: new Map(),
      gramOf: new Map(),
      lookUps: 0,
    };
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
      grams.counts[entryOf(gram)]!++;
    },
    remove(entry) {
      const grams = gramsFor(entry.text);
      const gram = grams.gramOf.get(entry);
      if (gram === undefined) return;
      const left = grams.buckets.get(gram)?.entries.filter((other) => other !== entry) ?? [];
      if (left.length === 0) grams.buckets.delete(gram);
      else grams.buckets.set(gram, { entries: left, asked: 0 });
      grams.gramOf.delete(entry);
      grams.counts[entryOf(gram)]!--;
    },
    find(value, onHit) {
      for (let i = 0; i < byUnits.length; i++) {
        const grams = byUnits[i];
        if (grams !== undefined && grams.gramOf.size > 0) findIn(grams, value, onHit);
      }
    },
  };
}
