// Any condition of any dialect on any event: an exact conversion has the verdict of the original, a lossy one is never
// narrower. Each result is written, read back and judged by the plain evaluator of its own dialect.

import { test } from 'node:test';
import { parseCesql } from '../../../router/cesql/parse.ts';
import {
  cesqlToFilters,
  cesqlToPattern,
  filtersToCesql,
  filtersToPattern,
  patternToCesql,
  patternToFilters,
} from '../../../router/dialect/convert.ts';
import {
  anyPattern,
  attributePattern,
  cesqlText,
  endEvent,
  endFilters,
  event,
  filtersWithSql,
  numberPattern,
  plainFilters,
} from './arbitrary.ts';
import { assertTold, check, judgeCesql, judgeFilters, judgePattern, newTally, property } from './judge.ts';

test('pattern to CESQL: exact or wider, on attributes and on data', () => {
  const tally = newTally();
  property(attributePattern, event, (pattern, events) => {
    check({ before: judgePattern(pattern), converted: patternToCesql(pattern), after: judgeCesql, tally }, events);
  });
  assertTold(tally, { exact: 60, lossy: 60 });
  property(anyPattern, event, (pattern, events) => {
    check({ before: judgePattern(pattern), converted: patternToCesql(pattern), after: judgeCesql, tally }, events);
  });
});

test('pattern to CESQL: an alternative that fails takes no other alternative along', () => {
  const tally = newTally();
  property(numberPattern, event, (pattern, events) => {
    check({ before: judgePattern(pattern), converted: patternToCesql(pattern), after: judgeCesql, tally }, events);
  });
  assertTold(tally, { exact: 5, lossy: 100 });
});

test('filters to pattern and back: texts that begin and end alike', () => {
  const [patterns, filters] = [newTally(), newTally()];
  property(endFilters, endEvent, (given, events) => {
    const before = judgeFilters(given);
    const converted = filtersToPattern(given);
    check({ before, converted, after: judgePattern, tally: patterns }, events);
    const pattern = converted.result!;
    check(
      { before: judgePattern(pattern), converted: patternToFilters(pattern), after: judgeFilters, tally: filters },
      events,
    );
  });
  assertTold(patterns, { exact: 60, lossy: 5 });
  assertTold(filters, { exact: 10, lossy: 20 });
});

test('pattern to filters: exact or wider, without sql and with it', () => {
  const [plain, withSql] = [newTally(), newTally()];
  property(anyPattern, event, (pattern, events) => {
    const about = { before: judgePattern(pattern), after: judgeFilters };
    check({ ...about, converted: patternToFilters(pattern), tally: plain }, events);
    check({ ...about, converted: patternToFilters(pattern, { sql: true }), tally: withSql }, events);
  });
  assertTold(plain, { exact: 20, lossy: 60 });
  assertTold(withSql, { exact: 40, lossy: 60 });
});

test('filters to pattern and to CESQL: exact or wider', () => {
  const [patterns, expressions] = [newTally(), newTally()];
  property(plainFilters, event, (filters, events) => {
    const before = judgeFilters(filters);
    check({ before, converted: filtersToPattern(filters), after: judgePattern, tally: patterns }, events);
    check({ before, converted: filtersToCesql(filters), after: judgeCesql, tally: expressions }, events);
  });
  assertTold(patterns, { exact: 60, lossy: 10 });
  assertTold(expressions, { exact: 150, lossy: 0 });
});

test('filters with the sql dialect: exact or wider', () => {
  const [patterns, expressions] = [newTally(), newTally()];
  property(filtersWithSql, event, (filters, events) => {
    const before = judgeFilters(filters);
    check({ before, converted: filtersToPattern(filters), after: judgePattern, tally: patterns }, events);
    check({ before, converted: filtersToCesql(filters), after: judgeCesql, tally: expressions }, events);
  });
  assertTold(patterns, { exact: 40, lossy: 40 });
  assertTold(expressions, { exact: 80, lossy: 20 });
});

test('CESQL to pattern and to filters: exact or wider', () => {
  const [patterns, plain, withSql] = [newTally(), newTally(), newTally()];
  property(cesqlText, event, (text, events) => {
    const expression = parseCesql(text);
    const before = judgeCesql(expression);
    check({ before, converted: cesqlToPattern(expression), after: judgePattern, tally: patterns }, events);
    check({ before, converted: cesqlToFilters(expression), after: judgeFilters, tally: plain }, events);
    check(
      { before, converted: cesqlToFilters(expression, { sql: true }), after: judgeFilters, tally: withSql },
      events,
    );
  });
  assertTold(patterns, { exact: 60, lossy: 60 });
  assertTold(plain, { exact: 40, lossy: 20 });
  assertTold(withSql, { exact: 250, lossy: 0 });
});
