// Conditions of both kinds: patterns by index and CESQL expressions, alone and side by side in one document.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Condition, compileCondition, indexRules } from '../../router/condition.ts';
import { checkDocument } from '../../router/document.ts';
import { RouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';

const kinds = {
  buses: { embedded: { options: {} } },
  sources: {},
  targets: { log: { options: {} } },
};

function rulesOf(...conditions: readonly unknown[]) {
  const rules = conditions.map((when, i) => ({ name: `r${i}`, when, to: { log: {} } }));
  return checkDocument({ rules }, kinds).rules;
}

function made(type: string, more: Readonly<Record<string, string | number | boolean>> = {}): CloudEvent {
  return { attributes: { specversion: '1.0', id: '1', source: '/test', type, ...more } };
}

test('condition: a CESQL string is a condition like a pattern, and all answer in document order', () => {
  const match = indexRules(
    rulesOf("type LIKE 'a%'", { type: ['a.b'] }, "type = 'other' OR EXISTS count AND count > 5", { count: [7] }),
  );

  assert.deepEqual(match(made('a.b')), ['r0', 'r1']);
  assert.deepEqual(match(made('x', { count: 7 })), ['r2', 'r3']);
  assert.deepEqual(match(made('x')), []);
});

test('condition: an expression that errs takes no event, and never throws', () => {
  const [rule] = rulesOf("missing = 'x'");
  const matches = compileCondition(rule!.when);

  assert.equal(matches(made('a')), false);
});

test('condition: a broken expression is refused with its path and column', () => {
  assert.throws(
    () => rulesOf("type LIKEE 'a%'"),
    (thrown) =>
      thrown instanceof RouterError &&
      thrown.code === 'DOCUMENT_INVALID' &&
      /rules\[0\]\.when: cesql: column \d+/.test(thrown.message),
  );
});

test('condition: equal expressions have equal rule hashes, others not', () => {
  const [a, b] = [rulesOf("type = 'a'"), rulesOf("type = 'b'")];

  assert.equal(a[0]!.hash, rulesOf("type = 'a'")[0]!.hash);
  assert.notEqual(a[0]!.hash, b[0]!.hash);
  const kindsOf = (when: Condition): string => when.kind;
  assert.equal(kindsOf(a[0]!.when), 'cesql');
});
