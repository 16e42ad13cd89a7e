// Filters of the Subscriptions API: what the reader takes, and what it refuses with which words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFilters } from '../../../router/dialect/filters.ts';
import { RouterError } from '../../../router/errors.ts';
import { judgeFilters } from './judge.ts';

test('filters: the examples of the specification are read as they are', () => {
  const examples = [
    [{ exact: { type: 'com.github.push', subject: 'https://github.com/cloudevents/spec' } }],
    [{ prefix: { type: 'com.github.' } }, { suffix: { type: '.created', subject: '/cloudevents/spec' } }],
    [{ all: [{ exact: { type: 'com.github.push' } }, { any: [{ not: { exact: { subject: 'x' } } }] }] }],
    [{ sql: "source LIKE '%cloudevents%'" }],
    [],
  ];
  for (const example of examples) assert.deepEqual(readFilters(JSON.stringify(example)), example);
  assert.deepEqual(readFilters('{"exact":{"type":"a"}}'), [{ exact: { type: 'a' } }]);
});

test('filters: attributes that are no text are compared by their text, and a missing one fails', () => {
  const event = { attributes: { type: 'a', n: 5, flag: true }, json: '' };
  const passes = (filter: unknown): boolean => judgeFilters(readFilters(JSON.stringify(filter)))(event);

  assert.equal(passes({ exact: { n: '5', flag: 'true' } }), true);
  assert.equal(passes({ exact: { subject: 'a' } }), false);
  assert.equal(passes({ not: { exact: { subject: 'a' } } }), true);
  assert.equal(passes({ sql: "subject = 'a'" }), false);
  assert.equal(passes({ sql: 'flag' }), true);
});

test('filters: each mistake is refused with its path, what was found and what is allowed', () => {
  const refused: readonly (readonly [text: string, says: RegExp])[] = [
    ['5', /filters: must be a list of filters, found 5/],
    ['[5]', /filters\[0\]: must be an object such as \{ "exact": \{ … \} \}, found 5/],
    ['[{}]', /filters\[0\]: must hold one dialect, found none/],
    ['[{"exact":{"a":"x"},"prefix":{"a":"x"}}]', /must hold one dialect, found exact, prefix; .* separate items/],
    ['[{"exact":{}}]', /filters\[0\]\.exact: must name at least one attribute/],
    ['[{"exact":["a"]}]', /filters\[0\]\.exact: must be an object of attributes, found a list of 1/],
    ['[{"exact":{"type":""}}]', /filters\[0\]\.exact\.type: must be a string that is not empty, found ""/],
    ['[{"exact":{"n":5}}]', /filters\[0\]\.exact\.n: must be a string that is not empty, found 5/],
    ['[{"exact":{"Type":"a"}}]', /must be the name of an attribute, lower-case letters and digits, found "Type"/],
    ['[{"prefix":{"data":"a"}}]', /filters\[0\]\.prefix\.data: filters see attributes only, not the data/],
    ['[{"exact":{"type":"a","type":"b"}}]', /filters\[0\]\.exact\.type: is written twice/],
    ['[{"all":[]}]', /filters\[0\]\.all: must hold at least one filter/],
    ['[{"any":{"exact":{"a":"b"}}}]', /filters\[0\]\.any: must be a list of filters, found an object/],
    ['[{"not":[{"exact":{"a":"b"}}]}]', /filters\[0\]\.not: must be an object such as .*, found a list of 1/],
    ['[{"all":[{"sufix":{"a":"b"}}]}]', /filters\[0\]\.all\[0\]: unknown dialect 'sufix'; did you mean 'suffix'\?/],
    ['[{"sql":5}]', /filters\[0\]\.sql: must be a CESQL expression as a string, found 5/],
    ['[{"sql":"type = "}]', /filters\[0\]\.sql: cesql: column 8: a value is due/],
    ['[', /subscription filters: .*JSON/],
    [`${'{"not":'.repeat(60)}{"exact":{"a":"b"}}${'}'.repeat(60)}`, /is nested deeper than 50 levels/],
  ];
  for (const [text, says] of refused) {
    assert.throws(
      () => readFilters(text),
      (thrown) => thrown instanceof RouterError && thrown.code === 'PATTERN_INVALID' && says.test(thrown.message),
      text,
    );
  }
});
