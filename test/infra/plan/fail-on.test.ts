// Thresholds: what is taken, what is refused, and when one is passed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, readThresholds } from '../../../infra/plan/fail-on.ts';
import { RouterError } from '../../../router/errors.ts';

test('fail-on: keys and numbers are read, with blanks and decimals', () => {
  assert.deepEqual(readThresholds('routed>100, unrouted > 0,cost>5.25'), [
    { key: 'routed', over: 100 },
    { key: 'unrouted', over: 0 },
    { key: 'cost', over: 5.25 },
  ]);
});

for (const [text, says] of [
  ['', /KEY>NUMBER/],
  ['routed', /KEY>NUMBER.*'routed'/],
  ['routed>', /KEY>NUMBER/],
  ['routed>-1', /KEY>NUMBER/],
  ['routed>=1', /KEY>NUMBER/],
  ['routed>1,', /KEY>NUMBER/],
  ['routed>1e3', /KEY>NUMBER/],
  ['unruted>1', /unknown key 'unruted'; did you mean 'unrouted'\?/],
  ['cost>1,cost>2', /names 'cost' twice/],
] as const) {
  test(`fail-on: '${text}' is wrong use and says why`, () => {
    assert.throws(
      () => readThresholds(text),
      (thrown) => thrown instanceof RouterError && thrown.code === 'USAGE' && says.test(thrown.message),
    );
  });
}

test('fail-on: a threshold is passed by more, not by as much', () => {
  const thresholds = readThresholds('routed>2,cost>1');

  assert.deepEqual(
    judge(thresholds, { routed: 2, cost: 1.01 }).map(({ key, passed }) => [key, passed]),
    [
      ['routed', false],
      ['cost', true],
    ],
  );
});
