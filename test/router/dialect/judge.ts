// What each dialect says of an event, by the plainest code there is, and the property that every conversion must have.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { castTo } from '../../../router/cesql/cast.ts';
import { compileCesqlFilter, evaluateCesql } from '../../../router/cesql/evaluate.ts';
import type { CesqlExpression } from '../../../router/cesql/expression.ts';
import { parseCesql } from '../../../router/cesql/parse.ts';
import { printCesql } from '../../../router/cesql/print.ts';
import { type AttributeTexts, type Filter, readFilters } from '../../../router/dialect/filters.ts';
import type { Converted } from '../../../router/dialect/lossy.ts';
import { writePattern } from '../../../router/dialect/write-pattern.ts';
import type { Pattern } from '../../../router/pattern.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { referenceMatches } from '../../harness/reference-matcher.ts';
import type { TestEvent } from './arbitrary.ts';

export type Judge = (event: TestEvent) => boolean;

function everyAttribute(
  texts: AttributeTexts,
  { attributes }: TestEvent,
  holds: (has: string, wants: string) => boolean,
) {
  return Object.entries(texts).every(([name, wants]) => {
    const has = attributes[name];
    return has !== undefined && holds(String(has), wants);
  });
}

/** Section 3.2.4 of the Subscriptions API, word by word. */
function passes(filter: Filter, event: TestEvent): boolean {
  if ('exact' in filter) return everyAttribute(filter.exact, event, (has, wants) => has === wants);
  if ('prefix' in filter) return everyAttribute(filter.prefix, event, (has, wants) => has.startsWith(wants));
  if ('suffix' in filter) return everyAttribute(filter.suffix, event, (has, wants) => has.endsWith(wants));
  if ('all' in filter) return filter.all.every((one) => passes(one, event));
  if ('any' in filter) return filter.any.some((one) => passes(one, event));
  if ('not' in filter) return !passes(filter.not, event);
  const { value, error } = evaluateCesql(parseCesql(filter.sql), event.attributes);
  return error === undefined && castTo(value, 'Boolean') === true;
}

/** As a reader of the written text sees it. */
export function judgeFilters(filters: readonly Filter[]): Judge {
  const read = readFilters(JSON.stringify(filters));
  return (event) => read.every((filter) => passes(filter, event));
}

export function judgePattern(pattern: Pattern): Judge {
  const read = readPatternText(writePattern(pattern), 'strict');
  return ({ json }) => referenceMatches(read, json);
}

export function judgeCesql(expression: CesqlExpression): Judge {
  const matches = compileCesqlFilter(parseCesql(printCesql(expression)));
  return ({ attributes }) => matches(attributes);
}

export interface Tally {
  exact: number;
  lossy: number;
  open: number;
  matches: number;
  misses: number;
}

export function newTally(): Tally {
  return { exact: 0, lossy: 0, open: 0, matches: 0, misses: 0 };
}

export interface Case<T> {
  readonly before: Judge;
  readonly converted: Converted<T>;
  readonly after: (result: T) => Judge;
  readonly tally: Tally;
}

/** An exact result has the same verdict; a lossy one matches whatever the original matched, and names what was lost. */
export function check<T>({ before, converted, after, tally }: Case<T>, events: readonly TestEvent[]): void {
  const { result, lossy } = converted;
  const says = (event: TestEvent): string => `${JSON.stringify(converted)} on ${event.json}`;
  for (const { path, clause, why } of lossy) {
    assert.ok(path !== '' && clause !== '' && why.includes('wider: '), JSON.stringify(lossy));
  }
  if (result === undefined) {
    assert.ok(lossy.length > 0, 'nothing is left out without a word');
    tally.open++;
    return;
  }
  if (lossy.length === 0) tally.exact++;
  else tally.lossy++;
  const judge = after(result);
  for (const event of events) {
    const [was, is] = [before(event), judge(event)];
    if (was) tally.matches++;
    else tally.misses++;
    assert.ok(is || !was, `narrower: ${says(event)}`);
    if (lossy.length === 0) assert.equal(is, was, `not exact: ${says(event)}`);
  }
}

/** The property says something: enough of each. */
export function assertTold({ exact, lossy, matches, misses }: Tally, least: { exact: number; lossy: number }): void {
  const says = JSON.stringify({ exact, lossy, matches, misses });
  assert.ok(exact >= least.exact && lossy >= least.lossy && matches >= 100 && misses >= 100, says);
}

export const runs = { numRuns: 400 };

export function property<A>(
  condition: fc.Arbitrary<A>,
  event: fc.Arbitrary<TestEvent>,
  of: (condition: A, events: readonly TestEvent[]) => void,
): void {
  fc.assert(fc.property(condition, fc.array(event, { minLength: 20, maxLength: 20 }), of), runs);
}
