// A pattern written as JSON text reads back as the same tree, whatever it holds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writePattern } from '../../../router/dialect/write-pattern.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { randomPattern } from '../../harness/patterns.ts';
import { seededRandom } from '../../harness/random.ts';

test('write pattern: what is written reads back as an equal tree', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seededRandom(seed);
  for (let i = 0; i < 3000; i++) {
    const text = randomPattern((n) => Math.floor(random() * n));
    const pattern = readPatternText(text);

    assert.deepEqual(readPatternText(writePattern(pattern)), pattern, `seed ${seed}: ${text}`);
  }
});

test('write pattern: order, repeated names, number texts and odd strings stay', () => {
  const texts = [
    '{"b":[1],"a":[2]}',
    '{"a":[1],"a":[2]}',
    '{"a.b":[1],"a":{"b":[2]}}',
    '{"a":[9007199254740993,1e400,0.10000000000000001]}',
    '{"\\"\\u0000":["\\ud800","\\u2028😀"]}',
    '{"$or":[{"a":[1]},{"b":["x",null,true,{"exactly":"y"}]}],"c":{"d":[{"numeric":[">",0,"<=",5.5]}]}}',
    '{"a":[{"anything-but":{"prefix":["x","y"]}},{"anything-but":1},{"prefix":{"equals-ignore-case":"é"}}]}',
  ];
  for (const text of texts) {
    const pattern = readPatternText(text);
    assert.deepEqual(readPatternText(writePattern(pattern)), pattern, text);
  }
  assert.equal(writePattern(readPatternText(texts[3]!)), texts[3]);
  assert.equal(writePattern(readPatternText(texts[1]!)), texts[1]);
  assert.equal(writePattern(readPatternText('{"a" : [ 5.0 ]}')), '{"a":[5]}');
});
