// One field of a rule as advanced filters of Event Grid. Pure. Only operators that hold for every value the rule takes:
// values of one filter are ORed, so a list of different tests becomes the one operator that all of them imply.
// Source: Azure Event Grid, "Event filtering" (operators, missing keys, arrays, case); docs read 2026-11-21.

import { ipOf } from '../../router/match/ip.ts';
import { wildcardOf } from '../../router/match/wildcard.ts';
import type { Bound, Test } from '../../router/pattern.ts';

export type TextOperator = 'StringIn' | 'StringBeginsWith' | 'StringEndsWith' | 'StringContains';
export type BoundOperator =
  | 'NumberGreaterThan'
  | 'NumberGreaterThanOrEquals'
  | 'NumberLessThan'
  | 'NumberLessThanOrEquals';

/** As resource definitions write it. */
export type AdvancedFilter =
  | { readonly operatorType: TextOperator; readonly key: string; readonly values: readonly string[] }
  | { readonly operatorType: 'NumberIn'; readonly key: string; readonly values: readonly number[] }
  | {
      readonly operatorType: 'NumberInRange';
      readonly key: string;
      readonly values: readonly (readonly [number, number])[];
    }
  | { readonly operatorType: BoundOperator; readonly key: string; readonly value: number }
  | { readonly operatorType: 'BoolEquals'; readonly key: string; readonly value: boolean };

interface Limit {
  readonly value: number;
  readonly open: boolean;
}

/** One alternative of a field, as far as Event Grid can be told. */
export type Alternative =
  /** Literal pieces with any text between them; one piece is the whole text. `folded`: the rule ignores letter case too. */
  | { readonly kind: 'text'; readonly parts: readonly string[]; readonly folded: boolean }
  | { readonly kind: 'number'; readonly low: Limit | undefined; readonly high: Limit | undefined }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'unsaid'; readonly why: string };

// Documented: 512 characters for each string value. Counted in UTF-16 units, of which there are never fewer.
const MAX_TEXT = 512;
const ASCII = /^[\x00-\x7f]*$/;

function unsaid(why: string): Alternative {
  return { kind: 'unsaid', why };
}

/** Pieces of text as an alternative, where they say anything and Event Grid can hold them. */
export function textAlternative(parts: readonly string[], folded = false): Alternative {
  if (parts.every((part) => part === '')) return unsaid('an empty text says nothing there');
  if (parts.some((part) => part.length > MAX_TEXT)) return unsaid(`a text is longer than ${MAX_TEXT} characters`);
  if (parts.some((part) => !part.isWellFormed())) return unsaid('a text has a lone surrogate');
  // ß takes SS and the Kelvin sign takes k in a rule; how Event Grid folds them is not documented.
  if (folded && !parts.every((part) => ASCII.test(part))) return unsaid('letter case is folded alike for ASCII only');
  return { kind: 'text', parts, folded };
}

/**
 * Whether both sides take a number for the same: Event Grid does not say whether it computes with doubles or with
 * decimals of 28 digits, and these few are the same in both.
 */
function isShared(value: number): boolean {
  return (
    value === 0 || (Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER && !/e/.test(String(value)))
  );
}

function numberAlternative(bounds: readonly Bound[]): Alternative {
  if (!bounds.every(({ value }) => isShared(value))) return unsaid('a number is beyond what both sides compare alike');
  let low: Limit | undefined;
  let high: Limit | undefined;
  for (const { op, value } of bounds) {
    if (op !== '<' && op !== '<=') low = { value, open: op === '>' };
    if (op !== '>' && op !== '>=') high = { value, open: op === '<' };
  }
  return { kind: 'number', low, high };
}

function equalsAlternative(value: string | number | boolean | null): Alternative {
  switch (typeof value) {
    case 'string':
      // A rule takes every spelling of an address.
      return ipOf(value) === undefined ? textAlternative([value]) : unsaid('an IP address has many spellings');
    case 'number':
      return numberAlternative([{ op: '=', value }]);
    case 'boolean':
      return { kind: 'boolean', value };
    default:
      return unsaid('null is the same as absent there');
  }
}

function wildcardAlternative(text: string): Alternative {
  const wildcard = wildcardOf(text);
  return typeof wildcard === 'string' ? unsaid('it is no wildcard') : textAlternative(wildcard.parts);
}

/** Whatever the test takes, the alternative takes. */
export function alternativeOf(test: Test): Alternative {
  switch (test.op) {
    case 'equals':
      return equalsAlternative(test.value);
    case 'exactly':
      return textAlternative([test.value]);
    case 'equals-ignore-case':
      return textAlternative([test.value], true);
    case 'prefix':
      return textAlternative([test.value, ''], test.ignoreCase);
    case 'suffix':
      return textAlternative(['', test.value], test.ignoreCase);
    case 'wildcard':
      return wildcardAlternative(test.value);
    case 'numeric':
      return numberAlternative(test.bounds);
    case 'number-text':
      return unsaid('a number is beyond what both sides compare alike');
    case 'cidr':
      return unsaid('an address block cannot be said there');
    case 'exists':
      return unsaid('whether a field exists is judged differently there');
    case 'anything-but':
      return unsaid('a negation loses events there: letter case is ignored, and every element of a list must pass');
  }
}

/** Texts that letter case does not tell apart are one value there. */
function distinct(values: readonly string[]): readonly string[] {
  return [...new Map(values.map((value) => [ASCII.test(value) ? value.toLowerCase() : value, value])).values()];
}

const headOf = (parts: readonly string[]): string => parts[0]!;
const tailOf = (parts: readonly string[]): string => parts.at(-1)!;
const longestOf = (parts: readonly string[]): string => parts.reduce((a, b) => (b.length > a.length ? b : a));

/** One wildcard: its head, its tail and what stands between, each as a filter of its own. */
function wildcardFilters(key: string, parts: readonly string[]): readonly AdvancedFilter[] {
  const filters: AdvancedFilter[] = [];
  const add = (operatorType: TextOperator, value: string): void => {
    if (value !== '') filters.push({ operatorType, key, values: [value] });
  };
  add('StringBeginsWith', headOf(parts));
  add('StringEndsWith', tailOf(parts));
  for (const part of parts.slice(1, -1)) add('StringContains', part);
  return filters;
}

function textFilters(key: string, texts: readonly (readonly string[])[]): readonly AdvancedFilter[] {
  if (texts.length === 1 && texts[0]!.length > 1) return wildcardFilters(key, texts[0]!);
  const filter = (operatorType: TextOperator, of: (parts: readonly string[]) => string): readonly AdvancedFilter[] => [
    { operatorType, key, values: distinct(texts.map(of)) },
  ];
  if (texts.every((parts) => parts.length === 1)) return filter('StringIn', headOf);
  if (texts.every((parts) => headOf(parts) !== '')) return filter('StringBeginsWith', headOf);
  if (texts.every((parts) => tailOf(parts) !== '')) return filter('StringEndsWith', tailOf);
  return filter('StringContains', longestOf);
}

type NumberRange = Extract<Alternative, { kind: 'number' }>;

const isPoint = ({ low, high }: NumberRange): boolean => low !== undefined && low.value === high?.value;

function lowFilter(key: string, { value, open }: Limit): AdvancedFilter {
  return { operatorType: open ? 'NumberGreaterThan' : 'NumberGreaterThanOrEquals', key, value };
}

function highFilter(key: string, { value, open }: Limit): AdvancedFilter {
  return { operatorType: open ? 'NumberLessThan' : 'NumberLessThanOrEquals', key, value };
}

/** The limit that lets through what any of them does; undefined where one has none. */
function widest(limits: readonly (Limit | undefined)[], isWider: (a: number, b: number) => boolean): Limit | undefined {
  return limits.reduce((a, b) => {
    if (a === undefined || b === undefined) return undefined;
    if (a.value === b.value) return a.open ? b : a;
    return isWider(a.value, b.value) ? a : b;
  });
}

function numberFilters(key: string, ranges: readonly NumberRange[]): readonly AdvancedFilter[] | string {
  if (ranges.every(isPoint)) {
    return [{ operatorType: 'NumberIn', key, values: [...new Set(ranges.map(({ low }) => low!.value))] }];
  }
  if (ranges.length > 1 && ranges.every(({ low, high }) => low !== undefined && high !== undefined)) {
    return [{ operatorType: 'NumberInRange', key, values: ranges.map(({ low, high }) => [low!.value, high!.value]) }];
  }
  const low = widest(
    ranges.map((range) => range.low),
    (a, b) => a < b,
  );
  const high = widest(
    ranges.map((range) => range.high),
    (a, b) => a > b,
  );
  const filters = [
    ...(low === undefined ? [] : [lowFilter(key, low)]),
    ...(high === undefined ? [] : [highFilter(key, high)]),
  ];
  return filters.length > 0 ? filters : 'the ranges together leave nothing out';
}

/** Filters that every value passes that one of the alternatives takes; a text says why there are none. */
export function filtersOf(key: string, alternatives: readonly Alternative[]): readonly AdvancedFilter[] | string {
  const texts: (readonly string[])[] = [];
  const ranges: NumberRange[] = [];
  const truths = new Set<boolean>();
  for (const alternative of alternatives) {
    if (alternative.kind === 'unsaid') return alternative.why;
    if (alternative.kind === 'text') texts.push(alternative.parts);
    else if (alternative.kind === 'number') ranges.push(alternative);
    else truths.add(alternative.value);
  }
  const kinds = [texts.length, ranges.length, truths.size].filter((count) => count > 0);
  if (kinds.length !== 1) return 'values of different types cannot be ORed there';
  if (texts.length > 0) return textFilters(key, texts);
  if (ranges.length > 0) return numberFilters(key, ranges);
  if (truths.size > 1) return 'true and false cannot be ORed there';
  return [{ operatorType: 'BoolEquals', key, value: [...truths][0]! }];
}

/** How many of the 25 values of a subscription a filter takes; both ends of a range count. */
export function valueCount(filter: AdvancedFilter): number {
  if (!('values' in filter)) return 1;
  return filter.operatorType === 'NumberInRange' ? filter.values.length * 2 : filter.values.length;
}
