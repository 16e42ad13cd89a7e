// The 16 rule sets, one for each kind of match and the combinations, in the shapes of event-ruler's own benchmark. Every
// value is taken from our generated lots, chosen by how often it occurs, so that rules match about as often as there.
// Source of shapes and shares: aws/event-ruler, Benchmarks.java (read 2026-11-21).

import { LANDMARK, type Lot, NAMED_PARCEL } from './lots.ts';
import { counted, nearestShares } from './random.ts';
import { type Rule, ruleOf } from './rule.ts';

/** Parts of 213,068, the events of event-ruler's benchmark. */
const of213k = (...counts: readonly number[]): number[] => counts.map((count) => count / 213_068);

interface Vocabulary {
  readonly maps: readonly string[];
  readonly prefixes: readonly string[];
  readonly suffixes: readonly string[];
  readonly streets: readonly string[];
  readonly popular: readonly string[];
  readonly house: string;
  /** The first x of lots that this share of all lies below. */
  below(share: number): number;
  /** Of a point in a MultiPolygon. */
  readonly multiY: number;
}

function firstPoint(value: unknown): { readonly y: number } {
  return Array.isArray(value) ? firstPoint(value[0]) : (value as { readonly y: number });
}

function vocabularyOf(lots: readonly Lot[]): Vocabulary {
  const total = lots.length;
  const streets = lots.flatMap(({ properties }) => properties.STREET ?? []);
  const choose = (values: Iterable<string>, shares: readonly number[]) => nearestShares(counted(values), total, shares);
  const ends = (length: number): string[] => streets.map((street) => street.slice(-length));
  const xs = lots.map(({ geometry }) => geometry.firstCoordinates.x).sort((a, b) => a - b);
  const multi = lots.find(({ geometry }) => geometry.type === 'MultiPolygon');
  if (multi === undefined) throw new RangeError(`no MultiPolygon in ${total} lots`);
  const [often, rare, rarest, last] = choose(ends(2), of213k(17_921, 871, 13, 682));
  const [long] = choose(ends(3), of213k(1_963));
  return {
    maps: choose(
      lots.map(({ properties }) => properties.MAPBLKLOT),
      of213k(1, 101, 35, 655),
    ),
    prefixes: choose(
      streets.map((street) => street.slice(0, 2)),
      of213k(24, 442, 38, 2_387, 328),
    ),
    suffixes: [often!, rare!, rarest!, long!, last!],
    streets: choose(streets, of213k(131, 211, 1_758, 825)),
    popular: choose(streets, of213k(1_910, 2_657)),
    house: choose(
      lots.map(({ properties }) => properties.FROM_ST),
      of213k(2_453),
    )[0]!,
    below: (share) => xs[Math.floor(share * xs.length)]!,
    multiY: firstPoint(multi.geometry.coordinates).y,
  };
}

/** Each second letter in lower case, the first or the second to begin with. */
function mixedCase(text: string, first: number): string {
  return [...text].map((letter, at) => (at % 2 === first ? letter.toLowerCase() : letter)).join('');
}

const street = (...anyOf: readonly unknown[]) => ({ properties: { STREET: anyOf } });
const map = (...anyOf: readonly unknown[]) => ({ properties: { MAPBLKLOT: anyOf } });

function wildcards({ maps }: Vocabulary): string[] {
  const [one, two, three, four] = maps.map((value) => [...value]);
  const spread = (digits: readonly string[], ...at: readonly number[]) => at.map((index) => digits[index]).join('*');
  return [
    `${one!.slice(0, 3).join('')}*`,
    spread(two!, 0, 2, 4, 6),
    `*${three!.slice(-3).join('')}`,
    spread(four!, 0, 3, 6),
    `${NAMED_PARCEL.slice(0, 2)}*${NAMED_PARCEL.slice(-2)}`,
  ];
}

/** The numeric set, or the same over all points instead of the first. */
function numbers({ below, multiY }: Vocabulary, points: 'firstCoordinates' | 'coordinates'): unknown[] {
  const middle = below(0.7);
  const within = [below(0.15), below(0.746)];
  const multi = points === 'coordinates' ? { y: [{ numeric: ['=', multiY] }] } : { z: [{ numeric: ['=', 0] }] };
  const geometry = (x: unknown, more: object = {}) => ({ geometry: { ...more, [points]: { x: [{ numeric: x }] } } });
  return [
    geometry(['=', LANDMARK.x], { type: ['Polygon'] }),
    { geometry: { type: ['MultiPolygon'], [points]: multi } },
    geometry(['<', middle]),
    geometry(['>', middle]),
    geometry(['>', within[0], '<', within[1]]),
  ];
}

/** Five rules that exclude nearly nothing, a half and nearly all, in the form that `wrap` gives a value. */
function anythingBut(
  { popular, house }: Vocabulary,
  wrap: (value: string) => unknown,
  cut: (value: string, keep: number) => string,
): unknown[] {
  const but = (value: string, keep: number) => [{ 'anything-but': wrap(cut(value, keep)) }];
  return [
    ...popular.map((name) => ({ properties: { STREET: but(name, name.length - 1) } })),
    { properties: { ST_TYPE: but('ST', 1) } },
    { geometry: { type: but('Polygon', 4) } },
    { properties: { FROM_ST: but(house, 2) } },
  ];
}

const whole = (value: string): string => value;
const head = (value: string, keep: number): string => value.slice(0, keep);
const tail = (value: string, keep: number): string => value.slice(-keep);

function patternsOf(words: Vocabulary): Readonly<Record<TypeName, readonly unknown[]>> {
  const { maps, prefixes, suffixes, streets } = words;
  const ignoreCase = (text: string, at: number) => ({ 'equals-ignore-case': mixedCase(text, at % 2) });
  const sets = {
    EXACT: [...maps, NAMED_PARCEL].map((value) => map(value)),
    WILDCARD: wildcards(words).map((wildcard) => map({ wildcard })),
    PREFIX: prefixes.map((prefix) => street({ prefix })),
    PREFIX_EQUALS_IGNORE_CASE: prefixes.map((text, at) => street({ prefix: ignoreCase(text, at) })),
    SUFFIX: suffixes.map((suffix) => street({ suffix })),
    SUFFIX_EQUALS_IGNORE_CASE: suffixes.map((text, at) => street({ suffix: ignoreCase(text, at) })),
    EQUALS_IGNORE_CASE: [
      ...streets.map((text, at) => street(ignoreCase(text, at))),
      { properties: { ST_TYPE: [{ 'equals-ignore-case': 'st' }] } },
    ],
    NUMERIC: numbers(words, 'firstCoordinates'),
    ANYTHING_BUT: anythingBut(words, (value) => [value], whole),
    ANYTHING_BUT_IGNORE_CASE: anythingBut(words, (value) => ({ 'equals-ignore-case': [mixedCase(value, 1)] }), whole),
    ANYTHING_BUT_PREFIX: anythingBut(words, (prefix) => ({ prefix }), head),
    ANYTHING_BUT_SUFFIX: anythingBut(words, (suffix) => ({ suffix }), tail),
    ANYTHING_BUT_WILDCARD: wildcards(words).map((wildcard) => map({ 'anything-but': { wildcard } })),
    COMPLEX_ARRAYS: numbers(words, 'coordinates'),
  };
  const partial = [
    ...[...sets.NUMERIC, ...sets.EXACT, ...sets.PREFIX, ...sets.ANYTHING_BUT, ...sets.ANYTHING_BUT_IGNORE_CASE],
    ...[...sets.ANYTHING_BUT_PREFIX, ...sets.ANYTHING_BUT_SUFFIX, ...sets.ANYTHING_BUT_WILDCARD],
  ];
  return { ...sets, PARTIAL_COMBO: partial, COMBO: [...partial, ...sets.COMPLEX_ARRAYS] };
}

/** In the order of event-ruler's own benchmark. */
export const typeNames = [
  'EXACT',
  'WILDCARD',
  'PREFIX',
  'PREFIX_EQUALS_IGNORE_CASE',
  'SUFFIX',
  'SUFFIX_EQUALS_IGNORE_CASE',
  'EQUALS_IGNORE_CASE',
  'NUMERIC',
  'ANYTHING_BUT',
  'ANYTHING_BUT_IGNORE_CASE',
  'ANYTHING_BUT_PREFIX',
  'ANYTHING_BUT_SUFFIX',
  'ANYTHING_BUT_WILDCARD',
  'COMPLEX_ARRAYS',
  'PARTIAL_COMBO',
  'COMBO',
] as const;
export type TypeName = (typeof typeNames)[number];

/** Rules whose values come from `lots`. */
export function typeRules(name: TypeName, lots: readonly Lot[]): readonly Rule[] {
  return patternsOf(vocabularyOf(lots))[name].map((pattern, at) => ruleOf(at, pattern));
}
