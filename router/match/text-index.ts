// Which of many wanted texts does a value begin with (or end with)? One pass over the value with a rolling hash, asked
// only at the lengths that are wanted: no substring is made. A hit by hash is a candidate until its test has agreed.

import type { Place } from './rows.ts';

export interface TextEntry {
  readonly text: string;
  /** The whole test, asked of a candidate. */
  readonly matches: (value: string) => boolean;
  readonly place: Place;
}

export type OnHit = (place: Place) => void;

export interface TextIndex {
  add(entry: TextEntry): void;
  remove(entry: TextEntry): void;
  /** `key` is the value, or its folded form. */
  find(key: string, value: string, onHit: OnHit): void;
}

const BUCKET_MIX = 0x9e3779b1;

export function createTextIndex(end: 'start' | 'end'): TextIndex {
  const buckets = new Map<number, TextEntry[]>();
  const uses = new Map<number, number>();
  let lengths: number[] = [];
  const codeAt =
    end === 'start'
      ? (text: string, i: number) => text.charCodeAt(i)
      : (text: string, i: number) => text.charCodeAt(text.length - 1 - i);
  const step = (hash: number, code: number): number => (Math.imul(hash, 31) + code) | 0;
  const bucketOf = (hash: number, length: number): number => hash ^ Math.imul(length, BUCKET_MIX);

  function bucketOfText(text: string): number {
    let hash = 0;
    for (let i = 0; i < text.length; i++) hash = step(hash, codeAt(text, i));
    return bucketOf(hash, text.length);
  }

  function count(length: number, by: 1 | -1): void {
    const used = (uses.get(length) ?? 0) + by;
    if (used === 0) uses.delete(length);
    else uses.set(length, used);
    if (used === 0 || (used === 1 && by === 1)) lengths = [...uses.keys()].sort((a, b) => a - b);
  }

  function ask(bucket: readonly TextEntry[] | undefined, value: string, onHit: OnHit): void {
    if (bucket === undefined) return;
    for (let i = 0; i < bucket.length; i++) {
      const entry = bucket[i]!;
      if (entry.matches(value)) onHit(entry.place);
    }
  }

  return {
    add(entry) {
      const key = bucketOfText(entry.text);
      const bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, [entry]);
      else bucket.push(entry);
      count(entry.text.length, 1);
    },
    remove(entry) {
      const key = bucketOfText(entry.text);
      const left = buckets.get(key)?.filter((other) => other !== entry) ?? [];
      if (left.length === 0) buckets.delete(key);
      else buckets.set(key, left);
      count(entry.text.length, -1);
    },
    find(key, value, onHit) {
      let hash = 0;
      let length = 0;
      for (let n = 0; n < lengths.length; n++) {
        const wanted = lengths[n]!;
        if (wanted > key.length) return;
        for (; length < wanted; length++) hash = step(hash, codeAt(key, length));
        ask(buckets.get(bucketOf(hash, wanted)), value, onHit);
      }
    },
  };
}
