// Rule tests as data, and how they run: what is read, what is refused with its path, and what a result says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../router/config.ts';
import { checkDocument } from '../../router/document.ts';
import { RouterError } from '../../router/errors.ts';
import { type RuleTest, readRuleTests } from '../../router/rule-test.ts';
import { failureText, runRuleTests } from '../../router/run-rule-tests.ts';

const kinds = { buses: { embedded: { options: {} } }, sources: {}, targets: { log: { options: {} } } };
const event = { specversion: '1.0', id: '1', source: '/s', type: 'com.github.push', data: { ref: 'main' } };
const rules = [
  { name: 'pushes', when: { type: ['com.github.push'] }, to: { log: {} } },
  { name: 'main', when: { data: { ref: ['refs/heads/main'] } }, to: { log: {} } },
  { name: 'never', when: { type: ['x'] }, to: { log: {} } },
];

function read(input: unknown): { readonly tests: readonly RuleTest[]; readonly problems: readonly string[] } {
  const problems: Problem[] = [];
  const tests = readRuleTests(input, { path: 'tests', names: rules.map(({ name }) => name), problems });
  return { tests, problems: problems.map(({ path, says }) => `${path}: ${says}`) };
}

const one = (more: object): unknown => [{ name: 'a', event, rules: ['pushes'], ...more }];

test('rule test: a list is read, and no rules is an expectation too', () => {
  const { tests, problems } = read([
    { name: 'a', event, rules: ['pushes', 'main'] },
    { name: 'b', event, rules: [] },
  ]);

  assert.deepEqual(problems, []);
  assert.deepEqual(
    tests.map(({ name, rules, event }) => [name, rules, event.attributes.type]),
    [
      ['a', ['pushes', 'main'], 'com.github.push'],
      ['b', [], 'com.github.push'],
    ],
  );
});

const circle: Record<string, unknown> = {};
circle['data'] = circle;

const refused: readonly (readonly [what: string, input: unknown, says: RegExp])[] = [
  ['no list', { a: 1 }, /^tests: must be a list of \{ name, event, rules \}, found an object$/],
  ['no name', [{ event, rules: [] }], /^tests\[0\]: 'name' is required/],
  ['no rules', [{ name: 'a', event }], /^tests\[0\]: 'rules' is required/],
  ['an unknown key', one({ expect: [] }), /^tests\[0\]: unknown key 'expect'/],
  [
    'an unknown rule',
    one({ rules: ['pushs'] }),
    /^tests\[0\]\.rules\[0\]: unknown rule 'pushs'; did you mean 'pushes'\?/,
  ],
  ['a rule that is no text', one({ rules: [5] }), /^tests\[0\]\.rules\[0\]: must be the name of a rule, found 5$/],
  ['a rule twice', one({ rules: ['main', 'main'] }), /^tests\[0\]\.rules\[1\]: 'main' is in the list twice$/],
  ['rules that are no list', one({ rules: 'main' }), /^tests\[0\]\.rules: must be a list of rule names/],
  [
    'an event that is none',
    one({ event: { type: 't' } }),
    /^tests\[0\]\.event: is no valid CloudEvent: attribute 'specversion' is required/,
  ],
  [
    'an event without a type',
    one({ event: { ...event, type: '' } }),
    /^tests\[0\]\.event: is no valid CloudEvent: .*type/,
  ],
  ['an event that is a text', one({ event: 'push' }), /^tests\[0\]\.event: must be a CloudEvent in JSON form/],
  ['an event with a circle', one({ event: circle }), /^tests\[0\]\.event: must be JSON; it holds a circle/],
];

for (const [what, input, says] of refused) {
  test(`rule test: ${what} is refused with its path`, () => {
    const { problems } = read(input);

    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0]!, says);
  });
}

test('rule test: every mistake of a list is told at once, and of a document with its rules', () => {
  const tests = [
    { name: 'a', event: {}, rules: ['x'] },
    { event, rules: [] },
  ];

  assert.equal(read(tests).problems.length, 3);
  assert.throws(
    () =>
      checkDocument(
        { rules: [{ ...rules[0], to: { lgo: {} } }], tests: [{ name: 'a', event, rules: ['pushes'] }] },
        kinds,
      ),
    (thrown) => thrown instanceof RouterError && /lgo/.test(thrown.message) && !/tests\[0\]/.test(thrown.message),
  );
});

test('rule test: a document holds its tests, and they run by the matcher that routes', () => {
  const tests = [
    { name: 'right', event, rules: ['pushes'] },
    { name: 'wrong', event, rules: ['main', 'never'] },
  ];
  const document = checkDocument({ rules, tests }, kinds);

  const [right, wrong] = runRuleTests(document.tests, document.rules);

  assert.deepEqual([right?.ok, right?.matched, right?.missing], [true, ['pushes'], []]);
  assert.deepEqual([wrong?.ok, wrong?.matched, wrong?.unexpected], [false, ['pushes'], ['pushes']]);
  assert.deepEqual(
    wrong?.missing.map(({ rule }) => rule),
    ['main', 'never'],
  );
  const says = failureText(wrong!);
  assert.match(says, /^expected rules: main, never\nmatched rules: pushes\n/);
  assert.match(says, /rule 'main' does not match at data\.ref/);
  assert.match(says, /rule 'never' does not match at type/);
});

test('rule test: a rule that matches and is not expected fails the test', () => {
  const document = checkDocument({ rules, tests: [{ name: 'a', event, rules: [] }] }, kinds);

  const [result] = runRuleTests(document.tests, document.rules);

  assert.equal(result!.ok, false);
  assert.equal(failureText(result!), 'expected rules: none\nmatched rules: pushes');
});

test('rule test: a rule whose condition is a CESQL expression is tested too, and says why not', () => {
  const sql = [
    { name: 'sql', when: "type = 'com.github.push'", to: { log: {} } },
    { name: 'other', when: "subject = 'x'", to: { log: {} } },
  ];
  const tests = [{ name: 'a', event, rules: ['sql', 'other'] }];
  const document = checkDocument({ rules: sql, tests }, kinds);

  const [result] = runRuleTests(document.tests, document.rules);

  assert.deepEqual([result?.matched, result?.missing.map(({ rule }) => rule)], [['sql'], ['other']]);
  assert.match(
    failureText(result!),
    /rule 'other' does not match at when\n {2}wants {2}subject = 'x'\n {2}has {4}subject absent\n {2}near .*errs/,
  );
});
