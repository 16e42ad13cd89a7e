// Conditions of every dialect and events, all over the same few attributes and texts, so that much matches and much nearly:
// texts that read as numbers or booleans, that hold what LIKE escapes, that spell one address twice, that fold alike.

import fc from 'fast-check';
import type { CesqlAttributes } from '../../../router/cesql/evaluate.ts';
import { parseCesql } from '../../../router/cesql/parse.ts';
import { printCesql } from '../../../router/cesql/print.ts';
import type { Filter } from '../../../router/dialect/filters.ts';
import { isUriReference } from '../../../router/event.ts';
import type { Pattern } from '../../../router/pattern.ts';
import { readPatternText } from '../../../router/pattern-text.ts';

export const texts = [
  ...[
    'a',
    'A',
    'b',
    'ab',
    'aB',
    'aba',
    'abab',
    'ba',
    'abc',
    'k',
    'K',
    '\u212a',
    'ki',
    'k\u0130',
    'i',
    '\u0130',
    'ß',
    'SS',
  ],
  ...['5', '05', '+5', '-5', '50', '55', '0', '1', '-1', '2147483648', 'true', 'TRUE', 'false', 'tRue', 'x5'],
  ...[
    'a%b',
    'a_b',
    'a*b',
    'a\\',
    'a\\b',
    'a\\%',
    "it's",
    '"',
    "\\'",
    '10.0.0.1',
    '10.0.0.01',
    '::1',
    '0::1',
    '😀',
    'é',
    'É',
  ],
];
const text = fc.constantFrom(...texts);
const maybeEmpty = fc.oneof({ weight: 12, arbitrary: text }, fc.constant(''));
const integers = [0, 1, -1, 5, -5, 50, 55, 7, 2147483647, -2147483648];
const integer = fc.constantFrom(...integers);
const names = ['type', 'source', 'subject', 'n', 'm', 'flag', 'and'];

// ---- events ----

const extension = fc.oneof({ weight: 3, arbitrary: maybeEmpty }, { weight: 2, arbitrary: integer }, fc.boolean());
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

export interface TestEvent {
  readonly attributes: CesqlAttributes;
  /** The whole event in JSON form. */
  readonly json: string;
}

const data = fc.oneof(
  fc.constantFrom('null', '5', '"a"', '[]', '{}'),
  fc
    .record({ x: fc.constantFrom(1, 'a', null, [1, 'a']), l: fc.constantFrom(0, [{ x: 1 }, { y: 'a' }]) })
    .map((one) => JSON.stringify(one)),
);

export const event: fc.Arbitrary<TestEvent> = fc
  .tuple(
    fc.record({ type: text, source: text.filter(isUriReference), subject: optional(text) }),
    fc.record({ n: optional(extension), m: optional(extension), flag: optional(extension), and: optional(extension) }),
    optional(data),
  )
  .map(([core, extensions, content]) => {
    const all = { specversion: '1.0', id: '1', ...core, ...extensions };
    const attributes = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    const json = JSON.stringify(attributes);
    return { attributes, json: content === undefined ? json : `${json.slice(0, -1)},"data":${content}}` };
  });

// ---- patterns ----

const listed = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T | T[]> =>
  fc.oneof(item, fc.array(item, { minLength: 1, maxLength: 3 }));
const wildcard = fc
  .array(fc.constantFrom('a', 'b', 'ab', '*', '5', '\\*', 'k'), { maxLength: 5 })
  .map((parts) => parts.join('').replace(/\*{2,}/g, '*'));
const number = fc.constantFrom(0, 1, -1, 5, 5.5, 50, 3e9, -3e9);
const bounds = fc.oneof(
  fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), number),
  fc
    .tuple(fc.constantFrom('>', '>='), number, fc.constantFrom('<', '<='), number)
    .filter(([, low, , high]) => low < high),
);

const alternative: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: maybeEmpty },
  { weight: 2, arbitrary: fc.oneof(number, fc.boolean(), fc.constant(null)) },
  { weight: 3, arbitrary: fc.record({ exists: fc.boolean() }) },
  fc.record({ prefix: maybeEmpty }),
  fc.record({ suffix: maybeEmpty }),
  fc.record({ prefix: fc.record({ 'equals-ignore-case': text }) }),
  fc.record({ suffix: fc.record({ 'equals-ignore-case': text }) }),
  fc.record({ 'equals-ignore-case': text }),
  fc.record({ wildcard }),
  { weight: 2, arbitrary: fc.record({ numeric: bounds }) },
  fc.record({ cidr: fc.constantFrom('10.0.0.0/24', '0.0.0.0/0', '::/0') }),
  { weight: 3, arbitrary: fc.record({ 'anything-but': fc.oneof(listed(maybeEmpty), listed(number)) }) },
  fc.record({ 'anything-but': fc.record({ prefix: listed(text) }) }),
  fc.record({ 'anything-but': fc.record({ suffix: listed(text) }) }),
  fc.record({ 'anything-but': fc.record({ 'equals-ignore-case': listed(text) }) }),
  fc.record({ 'anything-but': fc.record({ wildcard: listed(wildcard) }) }),
);

const leaf = fc.array(alternative, { minLength: 1, maxLength: 3 });

function fieldsOver(
  paths: readonly string[],
  list: fc.Arbitrary<readonly unknown[]>,
): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const field = fc.tuple(fc.constantFrom(...paths), list);
  return fc
    .uniqueArray(field, { minLength: 1, maxLength: 3, selector: ([path]) => path })
    .map((list) => Object.fromEntries(list));
}

/** Undefined where the reader refuses what was made, such as a path twice in one branch. */
function read(written: unknown): Pattern | undefined {
  try {
    return readPatternText(JSON.stringify(written), 'strict');
  } catch {
    return undefined;
  }
}

/** By the strict profile. */
export function patternOver(
  paths: readonly string[],
  list: fc.Arbitrary<readonly unknown[]> = leaf,
): fc.Arbitrary<Pattern> {
  const fields = fieldsOver(paths, list);
  const alternatives = fc.array(fields, { minLength: 2, maxLength: 3 });
  const withOr = fc.tuple(fields, alternatives).map(([own, $or]) => ({ ...own, $or }));
  const onlyOr = alternatives.map(($or) => ({ $or }));
  return fc
    .oneof({ weight: 3, arbitrary: fields }, { weight: 2, arbitrary: onlyOr }, withOr)
    .map(read)
    .filter((pattern) => pattern !== undefined);
}

export const attributePattern: fc.Arbitrary<Pattern> = patternOver([...names, 'specversion', 'id', 'a.b']);
export const anyPattern: fc.Arbitrary<Pattern> = patternOver([
  ...names,
  'data',
  'data.x',
  'data.l.x',
  'data.l.y',
  'data.z',
]);

/** Mostly numbers, which CESQL compares with an error where text is no number. */
export const numberPattern: fc.Arbitrary<Pattern> = patternOver(
  ['n', 'm', 'flag', 'type'],
  fc.array(fc.oneof({ weight: 3, arbitrary: fc.record({ numeric: bounds }) }, text, number), {
    minLength: 1,
    maxLength: 2,
  }),
);

// ---- filters ----

const attributeTexts = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names, 'specversion'), text), {
    minLength: 1,
    maxLength: 2,
    selector: ([name]) => name,
  })
  .map((list) => Object.fromEntries(list));

function filterAt(depth: number, sql: boolean): fc.Arbitrary<Filter> {
  const plain = [
    { weight: 3, arbitrary: fc.record({ exact: attributeTexts }) },
    { weight: 2, arbitrary: fc.record({ prefix: attributeTexts }) },
    { weight: 2, arbitrary: fc.record({ suffix: attributeTexts }) },
    ...(sql ? [{ weight: 2, arbitrary: fc.record({ sql: cesqlText }) }] : []),
  ];
  if (depth === 0) return fc.oneof(...plain);
  const inner = filterAt(depth - 1, sql);
  const list = fc.array(inner, { minLength: 1, maxLength: 3 });
  return fc.oneof(
    ...plain,
    { weight: 2, arbitrary: fc.record({ all: list }) },
    { weight: 2, arbitrary: fc.record({ any: list }) },
    { weight: 3, arbitrary: fc.record({ not: inner }) },
  );
}

// ---- CESQL ----

const quoted = (value: string): string => {
  try {
    return printCesql({ kind: 'literal', value });
  } catch {
    return "'a'";
  }
};
const name = fc.constantFrom('type', 'source', 'subject', 'n', 'n', 'm', 'flag', 'data', 'specversion');
const literal = fc.oneof(
  { weight: 5, arbitrary: maybeEmpty.map(quoted) },
  { weight: 3, arbitrary: integer.map(String) },
  fc.constantFrom('TRUE', 'FALSE'),
);
const likePattern = fc
  .array(fc.constantFrom('a', 'b', '%', '_', '5', '\\%', '\\_', 'k', 'i'), { minLength: 1, maxLength: 4 })
  .map((parts) => `'${parts.join('')}'`);
const not = fc.constantFrom('', 'NOT ');
const operand = fc.oneof(
  { weight: 6, arbitrary: name },
  name.map((one) => `LOWER(${one})`),
  literal,
);
const comparison = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(operand, fc.constantFrom('=', '!=', '<>'), literal).map((parts) => parts.join(' ')),
  },
  fc.tuple(literal, fc.constantFrom('=', '!='), operand).map((parts) => parts.join(' ')),
  {
    weight: 3,
    arbitrary: fc.tuple(name, fc.constantFrom('<', '<=', '>', '>='), literal).map((parts) => parts.join(' ')),
  },
  fc.tuple(literal, fc.constantFrom('<', '>='), name).map((parts) => parts.join(' ')),
  { weight: 3, arbitrary: fc.tuple(operand, not, likePattern).map(([x, no, like]) => `${x} ${no}LIKE ${like}`) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(operand, not, fc.array(literal, { minLength: 1, maxLength: 3 }))
      .map(([x, no, set]) => `${x} ${no}IN (${set.join(', ')})`),
  },
  { weight: 3, arbitrary: name.map((one) => `EXISTS ${one}`) },
  name,
  literal,
  fc.tuple(name, name).map(([a, b]) => `${a} = ${b}`),
  name.map((one) => `LENGTH(${one}) > 1`),
  name.map((one) => `${one} + 1 = 6`),
  name.map((one) => `n IN (${one}, '5')`),
);

function cesqlAt(depth: number): fc.Arbitrary<string> {
  if (depth === 0) return comparison;
  const inner = cesqlAt(depth - 1);
  return fc.oneof(
    { weight: 2, arbitrary: comparison },
    {
      weight: 4,
      arbitrary: fc
        .tuple(inner, fc.constantFrom('AND', 'OR', 'XOR', 'OR'), inner)
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
    },
    { weight: 2, arbitrary: inner.map((one) => `NOT (${one})`) },
  );
}

/** Their texts, and those between. */
export const endEvent: fc.Arbitrary<TestEvent> = fc
  .record({
    subject: fc.constantFrom('a', 'ab', 'aba', 'abab', 'bab', 'aab', 'aaba', '5', '55', '-55', 'ax', 'abx'),
    n: fc.constantFrom<string | number>('a', 'aba', 'abba', 'ab', '5', '-5', 5, -5, -55, 55, 505, '055'),
  })
  .map((some) => {
    const attributes = { specversion: '1.0', id: '1', source: '/s', type: 't', ...some };
    return { attributes, json: JSON.stringify(attributes) };
  });

/** Filters on one attribute whose texts share their ends. */
export const endFilters: fc.Arbitrary<readonly Filter[]> = fc
  .tuple(
    fc.constantFrom('subject', 'n'),
    fc.constantFrom('a', 'ab', 'aba', 'b', '5', '-5', '05'),
    fc.constantFrom('a', 'ba', 'aba', 'bab', '5', '55', 'x'),
  )
  .map(([of, prefix, suffix]) => [{ prefix: { [of]: prefix } }, { suffix: { [of]: suffix } }]);

/** Valid expressions. */
export const cesqlText: fc.Arbitrary<string> = cesqlAt(3).filter((one) => {
  parseCesql(one);
  return true;
});

export const plainFilters: fc.Arbitrary<readonly Filter[]> = fc.array(filterAt(2, false), { maxLength: 3 });
export const filtersWithSql: fc.Arbitrary<readonly Filter[]> = fc.array(filterAt(2, true), { maxLength: 3 });
