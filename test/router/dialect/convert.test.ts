// Conversions as text: those of docs/rules.md, section "Other dialects", each clause that is lossy with its words, and
// conditions made to be large.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseCesql } from '../../../router/cesql/parse.ts';
import { convertCondition, type Dialect, dialects, readCondition } from '../../../router/dialect/convert.ts';
import { readFilters } from '../../../router/dialect/filters.ts';
import { RouterError } from '../../../router/errors.ts';
import { readPatternText } from '../../../router/pattern-text.ts';

function convert(from: Dialect, to: Dialect, text: string, sql = false): readonly [string | undefined, ...string[]] {
  const { result, lossy } = convertCondition(readCondition(from, text), to, { sql });
  return [result, ...lossy.map(({ path, clause, why }) => `${path}: ${clause} because ${why}`)];
}

const page = readFileSync(new URL('../../../docs/rules.md', import.meta.url), 'utf8');
const section = page.slice(page.indexOf('\n## Other dialects\n'));
const examples = [...section.matchAll(/^from (\S+) +(.+)\nto (\S+) +(.+)\n((?:lossy +.+\n)*)/gm)];

test('rules.md: the conversions were found', () => {
  assert.equal(examples.length, 7);
});

for (const [, from = '', text = '', to = '', due = '', lossy = ''] of examples) {
  test(`rules.md: ${from} ${text} is, in ${to}, what stands there`, () => {
    const told = [...lossy.matchAll(/^lossy +(.+)$/gm)].map(([, one]) => one);

    assert.deepEqual(convert(from as Dialect, to as Dialect, text), [due, ...told]);
  });
}

const exact: readonly (readonly [from: Dialect, text: string, to: Dialect, due: string])[] = [
  ['cesql', "type IN ('a', 'b') AND NOT EXISTS subject", 'busway', '{"type":["a","b"],"subject":[{"exists":false}]}'],
  ['cesql', "type LIKE 'ab%' AND type LIKE '%bc'", 'busway', '{"type":[{"wildcard":"ab*bc"},"abc"]}'],
  ['cesql', "LOWER(type) = 'a.push'", 'busway', '{"type":[{"equals-ignore-case":"a.push"}]}'],
  [
    'cesql',
    "a = 'x' XOR b = 'y'",
    'busway',
    '{"$or":[{"a":["x"],"b":[{"anything-but":"y"}]},{"a":[{"anything-but":"x"}],"b":["y"]}]}',
  ],
  ['cesql', "tenant = '5'", 'busway', '{"tenant":["5",5]}'],
  ['cesql', "subject LIKE '10\\%\\_*'", 'busway', '{"subject":["10%_*"]}'],
  ['cesql', "ip = '10.0.0.1'", 'busway', '{"ip":[{"wildcard":"10.0.0.1"}]}'],
  ['cesql', 'flag', 'busway', '{"flag":[true]}'],
  ['cesql', 'TRUE', 'busway', '{"id":[{"exists":true}]}'],
  ['cesql', "id = '' OR EXISTS data", 'busway', '{"specversion":[{"exists":false}]}'],
  ['cesql', "type = 'a' OR LENGTH(type) < 0 AND FALSE", 'cesql', "type = 'a' OR LENGTH(type) < 0 AND FALSE"],
  ['busway', '{"type":["a","b"],"n":["a","b"]}', 'cesql', "type IN ('a', 'b') AND EXISTS n AND (n = 'a' OR n = 'b')"],
  [
    'busway',
    '{"type":[{"equals-ignore-case":"com.Slack"}]}',
    'cesql',
    "LOWER(type) = 'com.slack' AND UPPER(type) = 'COM.SLACK'",
  ],
  ['busway', '{"subject":[{"exists":false},"a"]}', 'cesql', "NOT EXISTS subject OR subject = 'a'"],
  ['busway', '{"$or":[{"subject":["a"]},{"type":["b"]}]}', 'cesql', "EXISTS subject AND subject = 'a' OR type = 'b'"],
  ['busway', '{"type":[{"wildcard":"a%*_b"}]}', 'cesql', "type LIKE 'a\\%%\\_b'"],
  ['busway', '{"id":[{"exists":true}]}', 'subscriptions', '[]'],
  ['busway', '{"id":[{"exists":false}]}', 'subscriptions', '[{"not":{"exact":{"specversion":"1.0"}}}]'],
  [
    'busway',
    '{"subject":[{"exists":false},{"anything-but":"a"}]}',
    'subscriptions',
    '[{"not":{"exact":{"subject":"a"}}}]',
  ],
  ['busway', '"type = \'a\'"', 'eventbridge', '{"detail-type":["a"]}'],
  ['subscriptions', '[]', 'cesql', 'TRUE'],
  ['subscriptions', '[{"sql":"LENGTH(type) > 5"},{"exact":{"id":"1"}}]', 'cesql', "id = '1' AND LENGTH(type) > 5"],
  [
    'subscriptions',
    '{"prefix":{"n":"-21474836"}}',
    'busway',
    '{"n":[{"prefix":"-21474836"},{"numeric":["<=",-2147483600]},{"numeric":[">=",-214748369,"<=",-214748360]},-21474836]}',
  ],
  ['eventbridge', '{"detail":{"a":[1.50]}}', 'eventbridge', '{"detail":{"a":[1.5]}}'],
];

for (const [from, text, to, due] of exact) {
  test(`convert: ${from} ${text} is exactly, in ${to}, ${due}`, () => {
    assert.deepEqual(convert(from, to, text), [due]);
  });
}

const lossy: readonly (readonly [
  from: Dialect,
  text: string,
  to: Dialect,
  due: string | undefined,
  ...why: RegExp[],
])[] = [
  [
    'cesql',
    "type LIKE 'a_c'",
    'busway',
    '{"type":[{"wildcard":"a*c"}]}',
    /exactly one character .*; wider: any number/,
  ],
  [
    'cesql',
    "type LIKE 'a%' AND type != 'ab'",
    'busway',
    '{"type":[{"prefix":"a"}]}',
    /no operator says 'and' on one field; wider: .*\[\{"prefix":"a"\}\]/,
  ],
  [
    'cesql',
    'n = 5',
    'busway',
    '{"n":[{"suffix":"5"},5]}',
    /does not read text as a number; wider: any text that ends in 5/,
  ],
  [
    'cesql',
    'LENGTH(n) = 5',
    'busway',
    '{"n":[{"exists":true}]}',
    /n: LENGTH\(n\) = 5 because .*; wider: any event that has n/,
  ],
  [
    'cesql',
    "LENGTH(id) = 5 OR type = 'a'",
    'busway',
    undefined,
    /^id: LENGTH/,
    /^type: type = 'a' because an alternative beside it/,
  ],
  [
    'busway',
    '{"n":[5]}',
    'cesql',
    "EXISTS n AND n = '5'",
    /types are not told apart there; wider: the text "5" is taken as 5 is/,
  ],
  ['busway', '{"n":["5"]}', 'cesql', "EXISTS n AND n = '5'", /the integer 5 is taken as the text "5" is/],
  [
    'busway',
    '{"n":[{"numeric":[">",5]}]}',
    'cesql',
    'EXISTS n AND n >= 6',
    /text that reads as such a number is taken too/,
  ],
  [
    ...([
      'busway',
      '{"$or":[{"n":[{"numeric":[">",5]}]},{"m":[{"numeric":[">",5]}]},{"type":["a"]}]}',
      'cesql',
    ] as const),
    ...([
      "EXISTS n OR type = 'a' OR (EXISTS m AND m >= 6)",
      /^n: .*types/,
      /^n: .*it would fail on other values/,
      /^m: .*types/,
    ] as const),
  ],
  [
    'busway',
    '{"and":["a"],"type":["b"]}',
    'cesql',
    "type = 'b'",
    /CESQL cannot name the attribute "and"; wider: any event/,
  ],
  [
    'busway',
    '{"subject":["a\\\\"]}',
    'cesql',
    "EXISTS subject AND subject LIKE 'a_'",
    /cannot write a backslash there/,
  ],
  ['busway', '{"ip":[{"cidr":"10.0.0.0/8"}]}', 'cesql', 'EXISTS ip', /knows no IP addresses/],
  [
    'subscriptions',
    '[{"not":{"exact":{"n":"5"}}}]',
    'busway',
    '{"n":[{"exists":false},{"anything-but":"5"}]}',
    /n: not \{"exact":\{"n":"5"\}\} because anything-but takes every value that is no text; wider/,
  ],
  [
    'subscriptions',
    '{"suffix":{"n":"5"}}',
    'busway',
    '{"n":[{"suffix":"5"},{"numeric":[">=",-2147483648]}]}',
    /every integer is taken/,
  ],
  [
    'subscriptions',
    '[{"any":[{"exact":{"prefix":"a"}},{"exact":{"m":"b"}}]}]',
    'busway',
    undefined,
    /no field below \$or may have the name of an operator, 'prefix'/,
    /^m: \["b"\] because an alternative beside it/,
  ],
  [
    'eventbridge',
    '{"account":["1"],"detail":{"a":[1]},"source":["s"]}',
    'cesql',
    "source = 's'",
    /^account: /,
    /^detail\.a: \[1\] because only attributes/,
  ],
];

for (const [from, text, to, due, ...why] of lossy) {
  test(`convert: ${from} ${text} is wider in ${to}, and says so`, () => {
    const [result, ...told] = convert(from, to, text);

    assert.equal(result, due);
    assert.equal(told.length, why.length, told.join('\n'));
    for (const [i, says] of why.entries()) assert.match(told[i]!, says);
  });
}

test('convert: with sql, filters say by CESQL what they cannot say themselves, and CESQL stays as it is', () => {
  assert.deepEqual(convert('cesql', 'subscriptions', 'LENGTH(type) > 5', true), ['[{"sql":"LENGTH(type) > 5"}]']);
  assert.deepEqual(convert('cesql', 'subscriptions', "type = 'a'", true), ['[{"exact":{"type":"a"}}]']);
  assert.deepEqual(convert('busway', 'subscriptions', '{"type":["a"],"subject":[{"exists":true}]}', true), [
    '[{"exact":{"type":"a"}},{"sql":"EXISTS subject"}]',
  ]);
});

test('convert: a rule in its own dialect comes back in the plain form', () => {
  assert.deepEqual(convert('busway', 'busway', ' { "b" : [ 1e0 ], "a" : [9007199254740993] } '), [
    '{"b":[1],"a":[9007199254740993]}',
  ]);
  assert.deepEqual(convert('cesql', 'cesql', "type='a'  and NOT(exists x)"), ["type = 'a' AND NOT EXISTS x"]);
  assert.deepEqual(convert('subscriptions', 'subscriptions', '{"exact":{"type":"a"}}'), ['[{"exact":{"type":"a"}}]']);
});

test('convert: what the reader of a dialect refuses is PATTERN_INVALID', () => {
  for (const dialect of dialects) {
    for (const text of ['', '"', '{"a":', '\0']) {
      assert.throws(
        () => readCondition(dialect, text),
        (thrown) => thrown instanceof RouterError && thrown.code === 'PATTERN_INVALID',
        `${dialect} ${text}`,
      );
    }
  }
});

const many = (count: number, of: (i: number) => string, between: string): string =>
  Array.from({ length: count }, (_, i) => of(i)).join(between);

const large: readonly (readonly [says: string, from: Dialect, text: string])[] = [
  ['thousands of alternatives', 'cesql', many(4000, (i) => `id = 'v${i}'`, ' OR ')],
  ['a list of thousands', 'cesql', `id IN (${many(5000, (i) => `'v${i}'`, ',')})`],
  ['alternatives on many attributes', 'cesql', many(300, (i) => `a${i} = 'v'`, ' OR ')],
  ['a chain of XOR', 'cesql', many(200, (i) => `a${i} = 'v'`, ' XOR ')],
  [
    'AND and OR in turn',
    'cesql',
    many(1500, (i) => `a${i % 7} = 'v${i}' ${i % 2 === 0 ? 'AND' : 'OR'} `, '').concat("id = 'x'"),
  ],
  ['brackets in brackets', 'cesql', `${'NOT ('.repeat(90)}a = 'x' OR b = 'y'${')'.repeat(90)}`],
  ['functions by the hundred', 'cesql', many(800, (i) => `LENGTH(a${i}) > ${i}`, ' OR ')],
  [
    'alternatives that multiply',
    'subscriptions',
    `[${many(20, (i) => `{"any":[{"exact":{"a${i}":"v"}},{"exact":{"b${i}":"w"}}]}`, ',')}]`,
  ],
  ['many prefixes', 'busway', `{"id":[${many(600, (i) => `{"prefix":"v${i}"}`, ',')}]}`],
];

test('convert: conditions made to be large are converted in little time, and what is written can be read', () => {
  const start = process.cpuUsage();
  for (const [says, from, text] of large) {
    const condition = readCondition(from, text);
    for (const to of dialects) {
      const { result, lossy } = convertCondition(condition, to);
      assert.ok(result !== undefined || lossy.length > 0, says);
      if (result === undefined) continue;
      if (to === 'cesql') parseCesql(result);
      else if (to === 'subscriptions') readFilters(result);
      else readPatternText(result, 'strict');
    }
  }
  const { user } = process.cpuUsage(start);
  assert.ok(user < 30_000_000, `took ${Math.round(user / 1000)} ms`);
});
