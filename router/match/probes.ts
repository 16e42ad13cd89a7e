// The tests of one field by which rules are found, other than equality: each distinct test has a place, and a value of
// the field hits the places of the tests it passes. Each kind of test has the index that suits it.

import type { Test } from '../pattern.ts';
import { foldKey } from './fold.ts';
import { createGramIndex, type GramIndex } from './gram-index.ts';
import { cidrOf, ipOf } from './ip.ts';
import { createRangeIndex, endsOf, type RangeIndex } from './range-index.ts';
import type { Place } from './rows.ts';
import { scalarTest, stringTest, type Value } from './scalar-test.ts';
import { createTextIndex, type OnHit, type TextEntry, type TextIndex } from './text-index.ts';
import { wildcardOf } from './wildcard.ts';

/** A test that an index can find by value. */
export type Probe = Exclude<Test, { op: 'equals' | 'number-text' | 'exists' | 'anything-but' }>;

interface Filed {
  readonly place: Place;
  readonly remove: () => void;
}

/** The longest literal part of a wildcard, and where it stands; '' when the wildcard has none. */
function literalOf(text: string): { readonly literal: string; readonly at: 'start' | 'end' | 'middle' } {
  const wildcard = wildcardOf(text);
  const parts = typeof wildcard === 'string' ? [''] : wildcard.parts;
  const literal = parts.reduce((a, b) => (b.length > a.length ? b : a));
  const index = parts.indexOf(literal);
  return { literal, at: index === 0 ? 'start' : index === parts.length - 1 ? 'end' : 'middle' };
}

/** Rules cannot be found by a test that nearly every value passes. */
export function isProbe(test: Test): test is Probe {
  switch (test.op) {
    case 'equals':
    case 'number-text':
    case 'exists':
    case 'anything-but':
      return false;
    case 'wildcard':
      return literalOf(test.value).literal !== '';
    case 'prefix':
    case 'suffix':
      return test.value !== '';
    default:
      return true;
  }
}

/** How much more a hit of this test tells than that the field is there: the lower, the rarer its hits are. */
export function commonness(test: Probe): number {
  switch (test.op) {
    case 'equals-ignore-case':
    case 'exactly':
      return 4;
    case 'numeric':
      return 64;
    default:
      return 8;
  }
}

function keyOf(test: Probe): string {
  return JSON.stringify(test);
}

/** Address blocks of one size. */
interface Blocks {
  readonly digits: number;
  readonly bits: number;
  readonly byStart: Map<string, TextEntry[]>;
}

export interface Probes {
  readonly filed: Map<string, Filed>;
  /** Of tests that are filed. */
  count: number;
  /** The tests on strings, while they are so few that asking each costs less than a look into the indexes. */
  texts: TextEntry[];
  prefixes: TextIndex | undefined;
  suffixes: TextIndex | undefined;
  foldedPrefixes: TextIndex | undefined;
  foldedSuffixes: TextIndex | undefined;
  /** By folded text. */
  folded: Map<string, TextEntry[]> | undefined;
  /** By length of the address and of the mask. */
  blocks: Map<string, Blocks> | undefined;
  grams: GramIndex | undefined;
  ranges: RangeIndex | undefined;
}

export function createProbes(): Probes {
  return {
    filed: new Map(),
    count: 0,
    texts: [],
    prefixes: undefined,
    suffixes: undefined,
    foldedPrefixes: undefined,
    foldedSuffixes: undefined,
    folded: undefined,
    blocks: undefined,
    grams: undefined,
    ranges: undefined,
  };
}

function fileUnder(map: Map<string, TextEntry[]>, key: string, entry: TextEntry): () => void {
  const bucket = map.get(key);
  if (bucket === undefined) map.set(key, [entry]);
  else bucket.push(entry);
  return () => {
    const left = (map.get(key) ?? []).filter((other) => other !== entry);
    if (left.length === 0) map.delete(key);
    else map.set(key, left);
  };
}

function fileIn(index: { add(entry: TextEntry): void; remove(entry: TextEntry): void }, entry: TextEntry): () => void {
  index.add(entry);
  return () => index.remove(entry);
}

type TextKind = 'prefixes' | 'suffixes' | 'foldedPrefixes' | 'foldedSuffixes';

function textsOf(probes: Probes, kind: TextKind): TextIndex {
  const index = probes[kind] ?? createTextIndex(kind.endsWith('refixes') ? 'start' : 'end');
  probes[kind] = index;
  return index;
}

function fileWildcard(probes: Probes, value: string, entry: Omit<TextEntry, 'text'>): () => void {
  const { literal, at } = literalOf(value);
  const filed = { ...entry, text: literal };
  if (at !== 'middle') return fileIn(textsOf(probes, at === 'start' ? 'prefixes' : 'suffixes'), filed);
  probes.grams ??= createGramIndex();
  return fileIn(probes.grams, filed);
}

/** The start of an address that its block shares: whole hex digits, and the rest of the one that is cut. */
function blockStart(address: string, bits: number): string {
  const whole = bits >> 2;
  const cut = bits & 3;
  const start = address.slice(0, whole);
  return cut === 0 ? start : `${start}/${Number.parseInt(address[whole]!, 16) >> (4 - cut)}`;
}

function fileCidr(probes: Probes, text: string, entry: TextEntry): () => void {
  const range = cidrOf(text);
  if (typeof range === 'string') return () => {};
  const digits = range.low.length;
  const bits = Number(text.slice(text.indexOf('/') + 1));
  probes.blocks ??= new Map();
  let blocks = probes.blocks.get(`${digits}/${bits}`);
  if (blocks === undefined) {
    blocks = { digits, bits, byStart: new Map() };
    probes.blocks.set(`${digits}/${bits}`, blocks);
  }
  return fileUnder(blocks.byStart, blockStart(range.low, bits), entry);
}

function fileTest(probes: Probes, test: Probe, place: Place): () => void {
  if (test.op === 'numeric') {
    const matches = scalarTest(test);
    const entry = { ...endsOf(test.bounds), matches, place };
    probes.ranges ??= createRangeIndex();
    const { ranges } = probes;
    ranges.add(entry);
    return () => ranges.remove(entry);
  }
  const entry = { text: test.value, matches: stringTest(test), place };
  probes.texts.push(entry);
  const unfile = fileText(probes, test, entry);
  return () => {
    probes.texts = probes.texts.filter((other) => other !== entry);
    unfile();
  };
}

function fileText(probes: Probes, test: Exclude<Probe, { op: 'numeric' }>, entry: TextEntry): () => void {
  switch (test.op) {
    case 'prefix':
      if (!test.ignoreCase) return fileIn(textsOf(probes, 'prefixes'), entry);
      return fileIn(textsOf(probes, 'foldedPrefixes'), { ...entry, text: foldKey(test.value) });
    case 'suffix':
      if (!test.ignoreCase) return fileIn(textsOf(probes, 'suffixes'), entry);
      return fileIn(textsOf(probes, 'foldedSuffixes'), { ...entry, text: foldKey(test.value) });
    case 'equals-ignore-case':
    case 'exactly':
      probes.folded ??= new Map();
      return fileUnder(probes.folded, foldKey(test.value), entry);
    case 'wildcard':
      return fileWildcard(probes, test.value, entry);
    case 'cidr':
      return fileCidr(probes, test.value, entry);
  }
}

/** The place of a test, or undefined when it has none. */
export function placeOfTest(probes: Probes | undefined, test: Probe): Place | undefined {
  return probes?.filed.get(keyOf(test))?.place;
}

export function fileProbe(probes: Probes, test: Probe, place: Place): void {
  probes.filed.set(keyOf(test), { place, remove: fileTest(probes, test, place) });
  probes.count = probes.filed.size;
}

export function dropProbe(probes: Probes, test: Probe): void {
  probes.filed.get(keyOf(test))?.remove();
  probes.filed.delete(keyOf(test));
  probes.count = probes.filed.size;
}

const FEW_TEXTS = 8;

function ask(bucket: readonly TextEntry[] | undefined, value: string, onHit: OnHit): void {
  if (bucket === undefined) return;
  for (let i = 0; i < bucket.length; i++) {
    const entry = bucket[i]!;
    if (entry.matches(value)) onHit(entry.place);
  }
}

function findBlocks(blocks: ReadonlyMap<string, Blocks>, value: string, onHit: OnHit): void {
  const address = ipOf(value);
  if (address === undefined) return;
  for (const { digits, bits, byStart } of blocks.values()) {
    if (digits === address.length) ask(byStart.get(blockStart(address, bits)), value, onHit);
  }
}

/** Hits the place of each test that the value passes; a place may be hit more than once. */
export function findProbes(probes: Probes, value: Value, onHit: OnHit): void {
  if (typeof value === 'number') {
    probes.ranges?.find(value, onHit);
    return;
  }
  if (typeof value !== 'string') return;
  if (probes.texts.length <= FEW_TEXTS) {
    ask(probes.texts, value, onHit);
    return;
  }
  const { prefixes, suffixes, grams, folded, foldedPrefixes, foldedSuffixes, blocks } = probes;
  prefixes?.find(value, value, onHit);
  suffixes?.find(value, value, onHit);
  grams?.find(value, onHit);
  if (folded !== undefined || foldedPrefixes !== undefined || foldedSuffixes !== undefined) {
    const key = foldKey(value);
    if (folded !== undefined) ask(folded.get(key), value, onHit);
    foldedPrefixes?.find(key, value, onHit);
    foldedSuffixes?.find(key, value, onHit);
  }
  if (blocks !== undefined) findBlocks(blocks, value, onHit);
}
