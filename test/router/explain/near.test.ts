// The hints of explain: for each slip that is easily made, what it says, and that it stays silent where nothing is near.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isOneEdit } from '../../../router/explain/near-value.ts';
import { explain } from '../../../router/explain.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { readJsonTree } from '../../../router/wire/json-tree.ts';

/** The hint, '' for none; the pattern must not match. */
function near(when: unknown, event: unknown): string {
  const text = typeof event === 'string' ? event : JSON.stringify(event);
  const explanation = explain(
    readPatternText(typeof when === 'string' ? when : JSON.stringify(when)),
    readJsonTree(text),
  );
  assert.ok(!explanation.matched, `${JSON.stringify(when)} matches ${text}`);
  return explanation.clause.near ?? '';
}

type Case = readonly [when: unknown, event: unknown, says: RegExp];

const onValues: Readonly<Record<string, readonly Case[]>> = {
  'another letter case is told, with the form that takes any': [
    [{ a: ['Main'] }, { a: 'main' }, /^differs only in letter case; write \{"equals-ignore-case": "Main"\}$/],
    [
      { a: [{ prefix: 'Refs/' }] },
      { a: 'refs/x' },
      /letter case; write \{"prefix": \{"equals-ignore-case": "Refs\/"\}\}/,
    ],
    [{ a: [{ suffix: '.JPG' }] }, { a: 'x.jpg' }, /letter case; write \{"suffix": \{"equals-ignore-case": "\.JPG"\}\}/],
    [{ a: [{ wildcard: 'A*Z' }] }, { a: 'abcz' }, /^differs only in letter case$/],
  ],
  'blanks and what cannot be seen at an end are told': [
    [{ a: ['main'] }, { a: 'main ' }, /^differs only in blanks or invisible characters at an end/],
    [{ a: ['main'] }, { a: '\ufeffmain' }, /invisible/],
    [{ a: ['main\n'] }, { a: 'main' }, /blanks/],
    [{ a: [{ prefix: 'ab' }] }, { a: '  abc' }, /blanks/],
    [{ a: [{ suffix: 'bc' }] }, { a: 'abc\u200b' }, /blanks/],
    [{ a: [{ wildcard: 'a*c' }] }, { a: 'abc\t' }, /blanks/],
    [{ a: [{ 'equals-ignore-case': 'ABC' }] }, { a: ' abc' }, /blanks/],
    [{ a: ['Main'] }, { a: ' main' }, /^differs only in letter case and in blanks at an end$/],
    [{ a: ['caf\u00e9'] }, { a: 'cafe\u0301' }, /^looks the same, but .* NFC$/],
  ],
  'another type is told, with both ways out': [
    [{ a: ['5'] }, { a: 5 }, /^is a number, and the rule wants text; write 5 in the rule, or send "5"$/],
    [{ a: [5] }, { a: '5' }, /^is text, and the rule wants a number; write "5" in the rule, or send 5$/],
    [{ a: ['true'] }, { a: true }, /^is a boolean, and the rule wants text; write true in the rule, or send "true"$/],
    [{ a: [false] }, { a: 'false' }, /^is text, and the rule wants a boolean/],
    [{ a: [null] }, { a: 'null' }, /^is text, and the rule wants null/],
    [{ a: ['null'] }, { a: null }, /^is null, and the rule wants text/],
    [{ a: [{ numeric: ['>', 5] }] }, { a: '7' }, /^is text, and numeric takes only a number; send 7 instead$/],
    [{ a: [{ prefix: '1' }] }, { a: 12 }, /^is a number, and prefix takes only text; send "12" instead$/],
    [{ a: [{ wildcard: 't*' }] }, { a: true }, /^is a boolean, and wildcard takes only text/],
  ],
  'one letter off is told, but not of short words and numbered names': [
    [{ a: ['opened'] }, { a: 'openend' }, /^is one letter away from "opened"/],
    [{ a: ['opened'] }, { a: 'opende' }, /one letter away/],
    [{ a: ['closed', 'opened'] }, { a: 'opend' }, /away from "opened"/],
    [{ a: [{ prefix: 'com.github.' }] }, { a: 'com.githup.push' }, /away from "com\.github\."/],
    [{ a: ['no'] }, { a: 'on' }, /^$/],
    [{ a: ['order-1'] }, { a: 'order-2' }, /^$/],
    [{ a: ['release-1'] }, { a: 'release-12' }, /^$/],
    [{ a: ['opened'] }, { a: 'merged' }, /^$/],
  ],
  'a part of the value is told, at the marks between words': [
    [{ a: ['main'] }, { a: 'refs/heads/main' }, /^ends with what the rule wants; write \{"suffix": "\/main"\}$/],
    [
      { a: ['com.github.star'] },
      { a: 'com.github.star.created' },
      /^goes on after .* \{"prefix": "com\.github\.star\."\}$/,
    ],
    [{ a: ['refs/heads/main'] }, { a: 'main' }, /^is only the end of what the rule wants$/],
    [{ a: ['main'] }, { a: 'domain' }, /^$/],
    [{ a: ['com.github.*'] }, { a: 'com.github.push' }, /write \{"wildcard": "com\.github\.\*"\}$/],
  ],
  'a number outside of its bounds is told with the side and how far': [
    [{ a: [{ numeric: ['<', 10] }] }, { a: 10 }, /^is the bound itself, which < leaves out; write <=$/],
    [{ a: [{ numeric: ['>', 0, '<=', 10] }] }, { a: 0 }, /^is the bound itself, which > leaves out; write >=$/],
    [{ a: [{ numeric: ['>', 0, '<=', 10] }] }, { a: 12.5 }, /^is 2\.5 above 10$/],
    [{ a: [{ numeric: ['>=', 0.3] }] }, { a: 0.1 }, /^is 0\.2 below 0\.3$/],
    [{ a: [{ numeric: ['=', 5] }] }, { a: 4 }, /^is 1 below 5$/],
    [{ a: [{ numeric: ['>', 5] }] }, '{"a":1e400}', /more digits than a double carries/],
  ],
  'numbers that only their digits tell apart are told so': [
    ['{"a":[9007199254740993]}', '{"a":9007199254740992}', /equal only when written with the same characters$/],
    [{ a: [9007199254740992] }, '{"a":9007199254740993}', /same characters$/],
    [{ a: [5] }, { a: 6 }, /^$/],
  ],
  'an address outside of its range is told with the range': [
    [
      { a: [{ cidr: '10.0.0.0/24' }] },
      { a: '10.0.1.7' },
      /^is above the range, which goes from 10\.0\.0\.0 to 10\.0\.0\.255$/,
    ],
    [{ a: [{ cidr: '10.0.0.0/24' }] }, { a: '9.9.9.9' }, /^is below the range/],
    [
      { a: [{ cidr: '2001:db8::/32' }] },
      { a: '2001:db9::1' },
      /above the range, which goes from 2001:db8:0:0:0:0:0:0 to 2001:db8:ffff/,
    ],
    [{ a: [{ cidr: '10.0.0.0/24' }] }, { a: '::1' }, /^is an IPv6 address, and the range is of the other kind$/],
    [{ a: [{ cidr: '10.0.0.0/24' }] }, { a: '10.0.0.7:443' }, /without its port/],
    [{ a: [{ cidr: '10.0.0.0/24' }] }, { a: 'localhost' }, /^is not an address$/],
  ],
  'what a rule excludes, or wants absent, is told': [
    [{ a: [{ 'anything-but': ['x', 'y'] }] }, { a: 'y' }, /^is exactly what the rule excludes$/],
    [{ a: [{ 'anything-but': { prefix: 'x' } }] }, { a: 'xy' }, /^the rule excludes text that begins with "x"$/],
    [{ a: [{ 'anything-but': 'x' }] }, {}, /add \{"exists": false\} to take a missing field too$/],
    [{ a: [{ exists: false }] }, { a: 1 }, /^the field is there, and the rule wants it absent$/],
    [{ a: [{ exists: false }] }, { a: null }, /^a null is a value, .* \[\{"exists": false\}, null\]$/],
    [{ a: [null] }, {}, /^null fits only a null that is there; for a missing field write \{"exists": false\}$/],
  ],
  'of several values the one that comes near is named with its place': [
    [{ a: ['main'] }, { a: ['next', 'Main'] }, /^"Main" at a\[1\]: differs only in letter case/],
    [{ a: { b: [5] } }, { a: [{ b: 'x' }, { b: '5' }] }, /^"5" at a\[1\]\.b: is text, and the rule wants a number/],
  ],
};

const onPaths: Readonly<Record<string, readonly Case[]>> = {
  'a slip in a name is told with the whole path': [
    [
      { data: { repostory: { id: [1] } } },
      { data: { repository: { id: 1 } } },
      /^did you mean data\.repository\.id\?$/,
    ],
    [
      { data: { repository: { ID: [1] } } },
      { data: { repository: { id: 2 } } },
      /^did you mean data\.repository\.id\?; there it has 2$/,
    ],
    [{ data: { pullRequest: [1] } }, { data: { pull_request: 1 } }, /^did you mean data\.pull_request\?$/],
    [{ data: { item: { sku: ['a'] } } }, { data: { items: [{ sku: 'a' }] } }, /^did you mean data\.items\.sku\?$/],
    [{ Type: ['x'] }, { type: 'x' }, /^attribute names are lower case: type$/],
    [{ partitionKey: ['x'] }, {}, /^attribute names are lower case: partitionkey$/],
  ],
  'a level too many or too few is told': [
    [
      { data: { private: [false] } },
      { data: { repository: { private: false } } },
      /^the field is one level deeper: data\.repository\.private$/,
    ],
    [{ data: { body: { id: [1] } } }, { data: { id: 1 } }, /^the field is one level up: data\.id$/],
    [
      { repository: { private: [false] } },
      { data: { repository: { private: false } } },
      /^the field is in the data: data\.repository\.private$/,
    ],
    [{ data: { type: ['x'] } }, { type: 'x', data: {} }, /^type is an attribute, beside data and not in it$/],
    [{ data: { a: ['wanted'] } }, { data: { a: 'other', b: 'wanted' } }, /^what the rule wants is at data\.b$/],
    [{ data: { a: [true] } }, { data: { a: false, b: true } }, /^$/],
    [{ data: { a: [1] } }, { data: { b: 1 } }, /^$/],
  ],
  'the words of EventBridge are told with ours': [
    [
      { detail: { state: ['on'] } },
      { data: { state: 'on' } },
      /^'detail' is EventBridge's word; here it is data\.state$/,
    ],
    [{ 'detail-type': ['x'] }, { type: 'x' }, /^'detail-type' is EventBridge's word; here it is type$/],
  ],
  'an object or an empty list where a value is due is told': [
    [{ a: ['wanted'] }, { a: { b: 1, c: 'wanted' } }, /^is an object, and its field a\.c fits$/],
    [{ a: ['x'] }, { a: { b: 1, c: 2 } }, /^is an object, not a value; name a field of it: b or c$/],
    [{ a: ['x'] }, { a: {} }, /without fields/],
    [{ a: ['x'] }, { a: [] }, /^a list without elements has no value to match/],
  ],
  'a path that goes on below a value is told': [
    [{ data: { a: { b: [1] } } }, { data: { a: 5 } }, /^data\.a is 5 and has no fields$/],
    [{ data: { a: { b: [1] } } }, { data: { a: 'x' } }, /^data\.a is text and has no fields$/],
    [{ data: { b: [1] } }, { data: '{"b":1}' }, /^data is text that holds JSON; send it with a JSON datacontenttype$/],
    [
      { data: { a: { b: [1] } } },
      { data: { a: ' {"b":1}' } },
      /^data\.a is text that holds JSON; rules do not look into it$/,
    ],
  ],
  'names of the language itself are no hint': [
    [{ data: { constructer: [1] } }, { data: {} }, /^$/],
    [{ constructor: { name: ['Object'] } }, { data: {} }, /^$/],
  ],
};

for (const [says, cases] of Object.entries({ ...onValues, ...onPaths })) {
  test(`near: ${says}`, () => {
    for (const [when, event, due] of cases) {
      assert.match(near(when, event), due, `${JSON.stringify(when)} on ${JSON.stringify(event)}`);
    }
  });
}

test('near: one edit is what an insertion, a deletion, a replacement or a swap makes', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
  const plain = (a: string, b: string): boolean => {
    const tries = new Set<string>();
    for (let i = 0; i <= a.length; i++) {
      tries.add(a.slice(0, i) + a.slice(i + 1));
      for (const unit of 'abc') {
        tries.add(a.slice(0, i) + unit + a.slice(i));
        tries.add(a.slice(0, i) + unit + a.slice(i + 1));
      }
      tries.add(a.slice(0, i) + a.slice(i + 1, i + 2) + a.slice(i, i + 1) + a.slice(i + 2));
    }
    return a !== b && tries.has(b);
  };

  fc.assert(
    fc.property(letters, letters, (a, b) => assert.equal(isOneEdit(a, b), plain(a, b))),
    { numRuns: 3_000 },
  );
});
