// One rule condition from one dialect into another, as text on both sides. What reads CloudEvents attributes only goes by
// way of a formula; the two dialects of patterns go field by field, with their data.

import type { CesqlExpression } from '../cesql/expression.ts';
import { parseCesql } from '../cesql/parse.ts';
import { printCesql } from '../cesql/print.ts';
import { RouterError, toRouterError } from '../errors.ts';
import type { Pattern } from '../pattern.ts';
import { readPatternText } from '../pattern-text.ts';
import { eventBridgePath, fromEventBridge, toEventBridge } from './event-bridge.ts';
import { type Filter, filtersFormula, readFilters } from './filters.ts';
import { cesqlFormula, isBoolean } from './from-cesql.ts';
import { patternFormula } from './from-pattern.ts';
import { type Converted, distinctLossy } from './lossy.ts';
import { formulaToCesql } from './to-cesql.ts';
import { type FilterOptions, formulaToFilters } from './to-filters.ts';
import { formulaToPattern } from './to-pattern.ts';
import { writePattern } from './write-pattern.ts';

export const dialects = ['busway', 'eventbridge', 'subscriptions', 'cesql'] as const;
export type Dialect = (typeof dialects)[number];

// ---- conditions that were read ----

/** A condition of a dialect; patterns of `eventbridge` are for its own envelope. */
export type Condition =
  | { readonly dialect: 'busway' | 'eventbridge'; readonly pattern: Pattern }
  | { readonly dialect: 'subscriptions'; readonly filters: readonly Filter[] }
  | { readonly dialect: 'cesql'; readonly expression: CesqlExpression };

export function cesqlToPattern(expression: CesqlExpression): Converted<Pattern> {
  return formulaToPattern(cesqlFormula(expression));
}

export function patternToCesql(pattern: Pattern): Converted<CesqlExpression> {
  return formulaToCesql(patternFormula(pattern));
}

export function filtersToPattern(filters: readonly Filter[]): Converted<Pattern> {
  return formulaToPattern(filtersFormula(filters));
}

export function patternToFilters(pattern: Pattern, options?: FilterOptions): Converted<readonly Filter[]> {
  return formulaToFilters(patternFormula(pattern), options);
}

/** What is CESQL already stays as it is: an error of it fails the whole, as it fails the filters. */
export function filtersToCesql(filters: readonly Filter[]): Converted<CesqlExpression> {
  const given = filters.flatMap((filter) => ('sql' in filter ? [parseCesql(filter.sql)] : [])).filter(isBoolean);
  // Of an attribute alone, the sql dialect casts the value.
  const others = filters.filter((filter) => !('sql' in filter) || !isBoolean(parseCesql(filter.sql)));
  const [first, ...rest] = given;
  if (first === undefined) return formulaToCesql(filtersFormula(filters));
  const { result, lossy } = formulaToCesql(filtersFormula(others));
  const list = result === undefined || others.length === 0 ? [first, ...rest] : [result, first, ...rest];
  return { result: list.reduce((left, right) => ({ kind: 'binary', op: 'AND', left, right })), lossy };
}

/** With `sql` the expression itself is the last resort: it is exact. */
export function cesqlToFilters(expression: CesqlExpression, options: FilterOptions = {}): Converted<readonly Filter[]> {
  const plain = formulaToFilters(cesqlFormula(expression));
  if (plain.lossy.length === 0 || options.sql !== true) return plain;
  // Of an attribute alone, the sql dialect would cast the value.
  if (isBoolean(expression)) return { result: [{ sql: printCesql(expression) }], lossy: [] };
  return formulaToFilters(cesqlFormula(expression), options);
}

/** One step after another. */
function then<A, B>({ result, lossy }: Converted<A>, next: (result: A) => Converted<B>): Converted<B> {
  if (result === undefined) return { result: undefined, lossy };
  const after = next(result);
  return { result: after.result, lossy: distinctLossy([...lossy, ...after.lossy]) };
}

const exact = <T>(result: T): Converted<T> => ({ result, lossy: [] });

// ---- text ----

/** Throws PATTERN_INVALID. Patterns by the strict profile; a JSON string for `busway` is CESQL, as in a rule's `when`. */
export function readCondition(dialect: Dialect, text: string): Condition {
  switch (dialect) {
    case 'cesql':
      return { dialect, expression: parseCesql(text) };
    case 'subscriptions':
      return { dialect, filters: readFilters(text) };
    case 'eventbridge':
      return { dialect, pattern: readPatternText(text, 'strict') };
    case 'busway':
      if (/^\s*"/.test(text)) return { dialect: 'cesql', expression: parseCesql(stringOf(text)) };
      return { dialect, pattern: readPatternText(text, 'strict') };
  }
}

function stringOf(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch (cause) {
    throw new RouterError('PATTERN_INVALID', `the condition is not JSON: ${toRouterError(cause).message}`, { cause });
  }
}

function toPattern(condition: Condition): Converted<Pattern> {
  switch (condition.dialect) {
    case 'busway':
      return exact(condition.pattern);
    case 'eventbridge':
      return fromEventBridge(condition.pattern);
    case 'subscriptions':
      return filtersToPattern(condition.filters);
    case 'cesql':
      return cesqlToPattern(condition.expression);
  }
}

/** Paths are told by the names of the envelope that the rule was written for. */
function fromEnvelope<T>({ result, lossy }: Converted<T>): Converted<T> {
  return { result, lossy: lossy.map((one) => ({ ...one, path: eventBridgePath(one.path) })) };
}

function toFilters(condition: Condition, options: FilterOptions): Converted<readonly Filter[]> {
  switch (condition.dialect) {
    case 'busway':
      return patternToFilters(condition.pattern, options);
    case 'eventbridge':
      return then(fromEventBridge(condition.pattern), (pattern) => fromEnvelope(patternToFilters(pattern, options)));
    case 'subscriptions':
      return exact(condition.filters);
    case 'cesql':
      return cesqlToFilters(condition.expression, options);
  }
}

function toCesql(condition: Condition): Converted<CesqlExpression> {
  switch (condition.dialect) {
    case 'busway':
      return patternToCesql(condition.pattern);
    case 'eventbridge':
      return then(fromEventBridge(condition.pattern), (pattern) => fromEnvelope(patternToCesql(pattern)));
    case 'subscriptions':
      return filtersToCesql(condition.filters);
    case 'cesql':
      return exact(condition.expression);
  }
}

function toEnvelope(condition: Condition): Converted<Pattern> {
  if (condition.dialect === 'eventbridge') return exact(condition.pattern);
  return then(toPattern(condition), toEventBridge);
}

function written<T>({ result, lossy }: Converted<T>, write: (result: T) => string): Converted<string> {
  return { result: result === undefined ? undefined : write(result), lossy };
}

/** The condition as text of another dialect: JSON without space, or CESQL. */
export function convertCondition(condition: Condition, to: Dialect, options: FilterOptions = {}): Converted<string> {
  switch (to) {
    case 'busway':
      return written(toPattern(condition), writePattern);
    case 'eventbridge':
      return written(toEnvelope(condition), writePattern);
    case 'subscriptions':
      return written(toFilters(condition, options), (filters) => JSON.stringify(filters));
    case 'cesql':
      return written(toCesql(condition), printCesql);
  }
}
